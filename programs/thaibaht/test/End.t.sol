// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ThaiBahtBridge} from "../contracts/ThaiBahtBridge.sol";
import {World} from "./World.sol";
import {vm} from "./Vm.sol";

contract EndTest is World {
    address private constant BUYER = address(0xB0B);
    bytes32 private constant RESERVATION = keccak256("a reservation");
    uint256 private constant AMOUNT = 60 * BAHT;

    uint256 private refundableFrom;

    function setUp() public {
        open();
        rich(BUYER, AMOUNT);
        refundableFrom = pay(BUYER, RESERVATION, AMOUNT).deadline + 24 hours;
    }

    function test_guardians_release_to_the_treasury_and_anyone_submits_it() public {
        bytes[] memory signatures = guardiansSign(RESERVATION, 2);
        vm.expectEmit();
        emit ThaiBahtBridge.Released(RESERVATION, TREASURY, AMOUNT);
        vm.prank(address(0xA11));
        bridge.release(RESERVATION, signatures);
        ended(ThaiBahtBridge.State.Released);
        same(thbc.balanceOf(TREASURY), AMOUNT);
    }

    function test_all_guardians_may_sign() public {
        bridge.release(RESERVATION, guardiansSign(RESERVATION, 3));
        ended(ThaiBahtBridge.State.Released);
    }

    function test_fewer_guardians_than_the_threshold_release_nothing() public {
        unreleased(
            guardiansSign(RESERVATION, 1),
            abi.encodeWithSelector(ThaiBahtBridge.NotEnoughSignatures.selector, 1, 2)
        );
    }

    function test_a_guardian_counts_once() public {
        bytes[] memory signatures = guardiansSign(RESERVATION, 2);
        signatures[1] = signatures[0];
        unreleased(signatures, abi.encodeWithSelector(ThaiBahtBridge.InvalidSignature.selector, 1));
    }

    function test_signatures_come_in_the_order_of_addresses() public {
        bytes[] memory signatures = guardiansSign(RESERVATION, 2);
        (signatures[0], signatures[1]) = (signatures[1], signatures[0]);
        unreleased(signatures, abi.encodeWithSelector(ThaiBahtBridge.InvalidSignature.selector, 1));
    }

    function testFuzz_only_guardians_sign(uint128 key, bool first) public {
        vm.assume(
            key > 0 && key != guardianKeys[0] && key != guardianKeys[1] && key != guardianKeys[2]
        );
        bytes[] memory signatures = guardiansSign(RESERVATION, 2);
        signatures[first ? 0 : 1] = signed(key, bridge.releaseDigest(RESERVATION));
        (bool released,) =
            address(bridge).call(abi.encodeCall(bridge.release, (RESERVATION, signatures)));
        require(!released, "a stranger's signature counted");
    }

    function test_a_signature_that_is_none_is_refused() public {
        bytes[] memory signatures = guardiansSign(RESERVATION, 2);
        signatures[0] = hex"";
        unreleased(signatures, abi.encodeWithSelector(ThaiBahtBridge.InvalidSignature.selector, 0));
        signatures[0] = new bytes(65);
        unreleased(signatures, abi.encodeWithSelector(ThaiBahtBridge.InvalidSignature.selector, 0));
    }

    function test_signatures_for_one_payment_do_not_release_another() public {
        bytes32 other = keccak256("other");
        rich(BUYER, AMOUNT);
        pay(BUYER, other, AMOUNT);
        bytes[] memory signatures = guardiansSign(other, 2);
        (bool released,) =
            address(bridge).call(abi.encodeCall(bridge.release, (RESERVATION, signatures)));
        require(!released, "signatures of another payment counted");
    }

    function test_signatures_of_a_set_that_left_office_count_no_more() public {
        bytes[] memory signatures = guardiansSign(RESERVATION, 2);
        bridge.setGuardians(addresses(guardianKeys), 2);
        (bool released,) =
            address(bridge).call(abi.encodeCall(bridge.release, (RESERVATION, signatures)));
        require(!released, "an earlier epoch's signatures counted");
        bridge.release(RESERVATION, guardiansSign(RESERVATION, 2));
        ended(ThaiBahtBridge.State.Released);
    }

    function test_a_dismissed_guardian_signs_no_more() public {
        uint256[] memory others = rising([uint256(21), 22, 23]);
        bridge.setGuardians(addresses(others), 2);
        unreleased(
            guardiansSign(RESERVATION, 2),
            abi.encodeWithSelector(ThaiBahtBridge.InvalidSignature.selector, 0)
        );
    }

    function test_what_was_never_paid_has_no_end() public {
        bytes32 unknown = keccak256("unknown");
        bytes memory refusal = abi.encodeWithSelector(
            ThaiBahtBridge.NotLocked.selector, unknown, ThaiBahtBridge.State.None
        );
        bytes[] memory signatures = guardiansSign(unknown, 2);
        vm.expectRevert(refusal);
        bridge.release(unknown, signatures);
        vm.expectRevert(refusal);
        bridge.refund(unknown);
    }

    function testFuzz_a_refund_has_its_time(uint32 early) public {
        vm.assume(early > 0 && early < refundableFrom);
        vm.warp(refundableFrom - early);
        vm.expectRevert(abi.encodeWithSelector(ThaiBahtBridge.TooEarly.selector, refundableFrom));
        bridge.refund(RESERVATION);
        vm.warp(refundableFrom);
        vm.expectEmit();
        emit ThaiBahtBridge.Refunded(RESERVATION, BUYER, AMOUNT);
        vm.prank(BUYER);
        bridge.refund(RESERVATION);
        ended(ThaiBahtBridge.State.Refunded);
        same(thbc.balanceOf(BUYER), AMOUNT);
    }

    function test_whoever_calls_a_refund_goes_to_the_payer() public {
        vm.warp(refundableFrom);
        vm.prank(address(0xA11));
        bridge.refund(RESERVATION);
        same(thbc.balanceOf(BUYER), AMOUNT);
    }

    function test_no_pause_holds_back_a_refund() public {
        thbc.pause();
        vm.warp(refundableFrom);
        bridge.refund(RESERVATION);
        same(thbc.balanceOf(BUYER), AMOUNT);
    }

    function test_no_pause_holds_back_a_release() public {
        thbc.pause();
        bridge.release(RESERVATION, guardiansSign(RESERVATION, 2));
        same(thbc.balanceOf(TREASURY), AMOUNT);
    }

    function test_no_cap_holds_back_a_refund() public {
        bridge.setLockedCap(0);
        vm.warp(refundableFrom);
        bridge.refund(RESERVATION);
        same(thbc.balanceOf(BUYER), AMOUNT);
    }

    function test_after_a_release_there_is_no_refund() public {
        bridge.release(RESERVATION, guardiansSign(RESERVATION, 2));
        vm.warp(refundableFrom);
        vm.expectRevert(
            abi.encodeWithSelector(
                ThaiBahtBridge.NotLocked.selector, RESERVATION, ThaiBahtBridge.State.Released
            )
        );
        bridge.refund(RESERVATION);
    }

    function test_after_a_refund_there_is_no_release() public {
        bytes[] memory signatures = guardiansSign(RESERVATION, 2);
        vm.warp(refundableFrom);
        bridge.refund(RESERVATION);
        unreleasedAfter(signatures, ThaiBahtBridge.State.Refunded);
    }

    function test_a_payment_is_released_once() public {
        bytes[] memory signatures = guardiansSign(RESERVATION, 2);
        bridge.release(RESERVATION, signatures);
        unreleasedAfter(signatures, ThaiBahtBridge.State.Released);
    }

    function test_tokens_sent_to_the_bridge_change_nothing() public {
        thbc.mint(address(bridge), 5 * BAHT);
        bridge.release(RESERVATION, guardiansSign(RESERVATION, 2));
        same(thbc.balanceOf(TREASURY), AMOUNT);
        same(bridge.totalLocked(), 0);
    }

    function ended(ThaiBahtBridge.State state) private view {
        require(stateOf(RESERVATION) == state, "another state");
        same(bridge.totalLocked(), 0);
        same(thbc.balanceOf(address(bridge)), 0);
    }

    function unreleased(bytes[] memory signatures, bytes memory refusal) private {
        vm.expectRevert(refusal);
        bridge.release(RESERVATION, signatures);
        require(stateOf(RESERVATION) == ThaiBahtBridge.State.Locked, "not locked any more");
        same(thbc.balanceOf(address(bridge)), AMOUNT);
    }

    function unreleasedAfter(bytes[] memory signatures, ThaiBahtBridge.State state) private {
        vm.expectRevert(
            abi.encodeWithSelector(ThaiBahtBridge.NotLocked.selector, RESERVATION, state)
        );
        bridge.release(RESERVATION, signatures);
        ended(state);
    }
}
