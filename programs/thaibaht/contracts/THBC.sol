// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

/// @title Thai baht on chain, with 6 decimals: 30 THBC = 30,000,000.
/// @notice Whoever issues it mints against baht that it holds, and may pause transfers. A pause
/// never holds back what leaves the bridge: a buyer's refund and the release of a matched payment.
contract THBC is ERC20, ERC20Burnable, ERC20Permit, AccessControl, Pausable {
    /// @notice May mint.
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");
    /// @notice May pause and resume.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    /// @notice Sends in a pause too: the bridge.
    bytes32 public constant BRIDGE_ROLE = keccak256("BRIDGE_ROLE");

    /// @param admin Gives and takes the roles.
    constructor(address admin) ERC20("Thai Baht Coin", "THBC") ERC20Permit("Thai Baht Coin") {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }

    /// @notice Mints `amount` millionths to `to`; for minters.
    /// @param to Who gets them.
    /// @param amount Millionths of a baht.
    function mint(address to, uint256 amount) external onlyRole(MINTER_ROLE) {
        _mint(to, amount);
    }

    /// @notice Stops mints, burns and transfers but the bridge's own; for pausers.
    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    /// @notice Ends a pause; for pausers.
    function resume() external onlyRole(PAUSER_ROLE) {
        _unpause();
    }

    /// @notice 6.
    /// @return The number of decimals.
    function decimals() public pure override returns (uint8) {
        return 6;
    }

    /// @dev Every mint, burn and transfer.
    function _update(address from, address to, uint256 value) internal override {
        if (!hasRole(BRIDGE_ROLE, from)) _requireNotPaused();
        super._update(from, to, value);
    }
}
