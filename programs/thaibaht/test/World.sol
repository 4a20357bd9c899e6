// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {THBC} from "../contracts/THBC.sol";
import {ThaiBahtBridge} from "../contracts/ThaiBahtBridge.sol";
import {vm} from "./Vm.sol";

/// @title A token, a bridge with three guardians of whom two sign, and people with baht.
contract World {
    uint256 internal constant BAHT = 1e6;
    uint256 internal constant CAP = 1_000_000 * BAHT;
    uint256 internal constant HUB_KEY = 0x4b1d;
    bytes32 internal constant SOLANA = keccak256("a Solana genesis");
    address internal constant TREASURY = address(0x7EA5);

    THBC internal thbc;
    ThaiBahtBridge internal bridge;
    /// @dev In the order of their addresses.
    uint256[] internal guardianKeys;

    function open() internal {
        vm.warp(1_800_000_000);
        thbc = new THBC(address(this));
        guardianKeys = rising([uint256(11), 12, 13]);
        bridge = new ThaiBahtBridge(
            IERC20(address(thbc)),
            SOLANA,
            address(this),
            vm.addr(HUB_KEY),
            TREASURY,
            CAP,
            addresses(guardianKeys),
            2
        );
        thbc.grantRole(thbc.MINTER_ROLE(), address(this));
        thbc.grantRole(thbc.PAUSER_ROLE(), address(this));
        thbc.grantRole(thbc.BRIDGE_ROLE(), address(bridge));
    }

    function rich(address account, uint256 amount) internal {
        thbc.mint(account, amount);
        vm.prank(account);
        thbc.approve(address(bridge), type(uint256).max);
    }

    function quoteFor(address payer, bytes32 reservation, uint256 amount)
        internal
        view
        returns (ThaiBahtBridge.Quote memory)
    {
        return ThaiBahtBridge.Quote({
            payer: payer,
            reservation: reservation,
            solanaWallet: keccak256(abi.encode(payer)),
            solanaChain: SOLANA,
            amount: amount,
            deadline: uint64(block.timestamp + 10 minutes)
        });
    }

    function hubSigns(ThaiBahtBridge.Quote memory quote) internal view returns (bytes memory) {
        return signed(HUB_KEY, bridge.quoteDigest(quote));
    }

    function pay(address payer, bytes32 reservation, uint256 amount)
        internal
        returns (ThaiBahtBridge.Quote memory quote)
    {
        quote = quoteFor(payer, reservation, amount);
        bytes memory signature = hubSigns(quote);
        vm.prank(payer);
        bridge.pay(quote, signature);
    }

    /// @dev The first `count` guardians sign the release.
    function guardiansSign(bytes32 reservation, uint256 count)
        internal
        view
        returns (bytes[] memory signatures)
    {
        signatures = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            signatures[i] = signed(guardianKeys[i], bridge.releaseDigest(reservation));
        }
    }

    function signed(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function stateOf(bytes32 reservation) internal view returns (ThaiBahtBridge.State) {
        return bridge.payments(reservation).state;
    }

    function addresses(uint256[] memory keys) internal pure returns (address[] memory found) {
        found = new address[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            found[i] = vm.addr(keys[i]);
        }
    }

    function rising(uint256[3] memory keys) internal pure returns (uint256[] memory sorted) {
        sorted = new uint256[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            uint256 place = i;
            for (; place > 0 && vm.addr(sorted[place - 1]) > vm.addr(keys[i]); --place) {
                sorted[place] = sorted[place - 1];
            }
            sorted[place] = keys[i];
        }
    }

    function same(uint256 found, uint256 expected) internal pure {
        require(found == expected, "another number");
    }

    function same(address found, address expected) internal pure {
        require(found == expected, "another address");
    }
}
