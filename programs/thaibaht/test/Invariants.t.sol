// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ThaiBahtBridge} from "../contracts/ThaiBahtBridge.sol";
import {World} from "./World.sol";
import {vm} from "./Vm.sol";

/// @title Random people who pay, release and refund, with books of their own.
contract Market is World {
    uint256 private constant PEOPLE = 4;
    uint256 private constant RESERVATIONS = 8;

    uint256 public locked;
    uint256 public released;
    uint256 public refunded;
    uint256 public refusals;
    mapping(bytes32 reservation => ThaiBahtBridge.State) public ended;
    bool public endedTwice;

    constructor() {
        open();
        for (uint256 i = 1; i <= PEOPLE; ++i) {
            rich(address(uint160(i)), CAP);
        }
    }

    function pays(uint256 who, uint256 which, uint96 amount) external {
        address payer = address(uint160(1 + who % PEOPLE));
        ThaiBahtBridge.Quote memory quote =
            quoteFor(payer, reservationOf(which), 1 + amount % (CAP / 4));
        bytes memory signature = hubSigns(quote);
        vm.prank(payer);
        try bridge.pay(quote, signature) {
            locked += quote.amount;
        } catch {
            ++refusals;
        }
    }

    function releases(uint256 which, uint256 signers) external {
        bytes32 reservation = reservationOf(which);
        uint256 amount = bridge.payments(reservation).amount;
        try bridge.release(reservation, guardiansSign(reservation, signers % 4)) {
            released += amount;
            end(reservation, ThaiBahtBridge.State.Released);
        } catch {
            ++refusals;
        }
    }

    function refunds(uint256 which) external {
        bytes32 reservation = reservationOf(which);
        uint256 amount = bridge.payments(reservation).amount;
        try bridge.refund(reservation) {
            refunded += amount;
            end(reservation, ThaiBahtBridge.State.Refunded);
        } catch {
            ++refusals;
        }
    }

    function timePasses(uint32 seconds_) external {
        vm.warp(block.timestamp + seconds_ % 20 hours);
    }

    function changesGuardians(uint256 first) external {
        guardianKeys = rising([1 + first % 1000, 2001 + first % 1000, 4001 + first % 1000]);
        bridge.setGuardians(addresses(guardianKeys), 2);
    }

    function pausesOrResumes() external {
        thbc.paused() ? thbc.resume() : thbc.pause();
    }

    function changesCap(uint96 cap) external {
        bridge.setLockedCap(cap % (2 * CAP));
    }

    function donates(uint32 amount) external {
        if (!thbc.paused()) thbc.mint(address(bridge), amount);
    }

    function end(bytes32 reservation, ThaiBahtBridge.State state) private {
        if (ended[reservation] != ThaiBahtBridge.State.None) endedTwice = true;
        ended[reservation] = state;
    }

    function reservationOf(uint256 which) public pure returns (bytes32) {
        return keccak256(abi.encode(which % RESERVATIONS));
    }

    /// @dev Sum of the payments that are locked, by the bridge's own word on each.
    function lockedByPayment() external view returns (uint256 sum) {
        for (uint256 i = 0; i < RESERVATIONS; ++i) {
            ThaiBahtBridge.Payment memory payment = bridge.payments(reservationOf(i));
            if (payment.state == ThaiBahtBridge.State.Locked) sum += payment.amount;
        }
    }

    function endsAreFinal() external view returns (bool) {
        for (uint256 i = 0; i < RESERVATIONS; ++i) {
            bytes32 reservation = reservationOf(i);
            ThaiBahtBridge.State state = stateOf(reservation);
            if (ended[reservation] != ThaiBahtBridge.State.None && state != ended[reservation]) {
                return false;
            }
        }
        return true;
    }

    function bridgeHolds() external view returns (uint256) {
        return thbc.balanceOf(address(bridge));
    }

    function treasuryHolds() external view returns (uint256) {
        return thbc.balanceOf(TREASURY);
    }

    function totalLocked() external view returns (uint256) {
        return bridge.totalLocked();
    }
}

contract InvariantsTest {
    Market private market;

    function setUp() public {
        market = new Market();
    }

    /// @dev Whose functions forge calls at random.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(market);
    }

    function invariant_the_bridge_holds_at_least_what_is_locked() public view {
        require(market.bridgeHolds() >= market.totalLocked(), "less than is locked");
    }

    function invariant_what_is_locked_is_the_sum_of_the_locked_payments() public view {
        require(market.totalLocked() == market.lockedByPayment(), "another sum");
    }

    function invariant_all_that_was_paid_is_locked_released_or_refunded() public view {
        require(
            market.locked() == market.totalLocked() + market.released() + market.refunded(),
            "something is gone"
        );
    }

    function invariant_a_payment_ends_once() public view {
        require(!market.endedTwice(), "released and refunded");
    }

    function invariant_an_end_is_final() public view {
        require(market.endsAreFinal(), "an ended payment changed");
    }

    function invariant_the_treasury_has_what_was_released() public view {
        require(market.treasuryHolds() == market.released(), "another sum");
    }
}
