// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ThaiBahtBridge} from "../contracts/ThaiBahtBridge.sol";
import {World} from "./World.sol";
import {vm} from "./Vm.sol";

contract OwnerTest is World {
    address private constant STRANGER = address(0x5741);

    function setUp() public {
        open();
    }

    function test_the_constructor_says_what_it_was_given() public view {
        same(address(bridge.THBC()), address(thbc));
        require(bridge.SOLANA_CHAIN() == SOLANA, "another chain");
        same(bridge.owner(), address(this));
        same(bridge.quoteSigner(), vm.addr(HUB_KEY));
        same(bridge.treasury(), TREASURY);
        same(bridge.lockedCap(), CAP);
        same(bridge.threshold(), 2);
        same(bridge.guardianEpoch(), 1);
        address[] memory found = bridge.guardians();
        for (uint256 i = 0; i < 3; ++i) {
            same(found[i], vm.addr(guardianKeys[i]));
        }
    }

    function test_only_the_owner_changes_anything() public {
        address[] memory guardians = addresses(guardianKeys);
        onlyForTheOwner(abi.encodeCall(bridge.setGuardians, (guardians, 2)));
        onlyForTheOwner(abi.encodeCall(bridge.setQuoteSigner, (STRANGER)));
        onlyForTheOwner(abi.encodeCall(bridge.setTreasury, (STRANGER)));
        onlyForTheOwner(abi.encodeCall(bridge.setLockedCap, (1)));
        onlyForTheOwner(abi.encodeCall(bridge.transferOwnership, (STRANGER)));
    }

    function test_the_owner_changes_signer_treasury_and_cap() public {
        vm.expectEmit();
        emit ThaiBahtBridge.QuoteSignerChanged(STRANGER);
        bridge.setQuoteSigner(STRANGER);
        same(bridge.quoteSigner(), STRANGER);
        vm.expectEmit();
        emit ThaiBahtBridge.TreasuryChanged(STRANGER);
        bridge.setTreasury(STRANGER);
        same(bridge.treasury(), STRANGER);
        vm.expectEmit();
        emit ThaiBahtBridge.LockedCapChanged(7);
        bridge.setLockedCap(7);
        same(bridge.lockedCap(), 7);
    }

    function test_ownership_is_taken_over_by_the_next_owner_alone() public {
        bridge.transferOwnership(STRANGER);
        same(bridge.owner(), address(this));
        vm.prank(STRANGER);
        bridge.acceptOwnership();
        same(bridge.owner(), STRANGER);
    }

    function test_nobody_has_the_zero_address() public {
        bytes memory refusal = abi.encodeWithSelector(ThaiBahtBridge.ZeroAddress.selector);
        vm.expectRevert(refusal);
        bridge.setQuoteSigner(address(0));
        vm.expectRevert(refusal);
        bridge.setTreasury(address(0));
        address[] memory guardians = addresses(guardianKeys);
        vm.expectRevert(refusal);
        new ThaiBahtBridge(
            IERC20(address(0)), SOLANA, STRANGER, STRANGER, STRANGER, CAP, guardians, 2
        );
    }

    function testFuzz_a_majority_of_guardians_has_to_sign(uint8 count, uint8 threshold) public {
        address[] memory guardians = new address[](count % 20);
        for (uint160 i = 0; i < guardians.length; ++i) {
            guardians[i] = address(i + 1);
        }
        bool fits = guardians.length > 0 && guardians.length <= 16 && threshold <= guardians.length
            && 2 * uint256(threshold) > guardians.length;
        if (!fits) {
            vm.expectRevert(abi.encodeWithSelector(ThaiBahtBridge.InvalidGuardians.selector));
        }
        bridge.setGuardians(guardians, threshold);
        same(bridge.guardianEpoch(), fits ? 2 : 1);
        same(bridge.threshold(), fits ? threshold : 2);
    }

    function test_guardians_are_rising_addresses_none_twice_none_zero() public {
        address[] memory guardians = addresses(guardianKeys);
        bytes memory refusal = abi.encodeWithSelector(ThaiBahtBridge.InvalidGuardians.selector);
        (guardians[0], guardians[1]) = (guardians[1], guardians[0]);
        vm.expectRevert(refusal);
        bridge.setGuardians(guardians, 2);
        guardians[0] = guardians[1];
        vm.expectRevert(refusal);
        bridge.setGuardians(guardians, 2);
        guardians[0] = address(0);
        vm.expectRevert(refusal);
        bridge.setGuardians(guardians, 2);
    }

    function onlyForTheOwner(bytes memory call) private {
        vm.prank(STRANGER);
        (bool done, bytes memory answer) = address(bridge).call(call);
        require(!done, "a stranger changed something");
        bytes memory refusal =
            abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, STRANGER);
        require(keccak256(answer) == keccak256(refusal), "refused for another reason");
    }
}
