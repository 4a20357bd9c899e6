// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ThaiBahtBridge} from "../contracts/ThaiBahtBridge.sol";
import {World} from "./World.sol";
import {vm} from "./Vm.sol";

contract PayTest is World {
    uint256 private constant BUYER_KEY = 0xB0B;
    bytes32 private constant RESERVATION = keccak256("a reservation");

    address private buyer;

    function setUp() public {
        open();
        buyer = vm.addr(BUYER_KEY);
        rich(buyer, CAP * 2);
    }

    function test_a_payment_is_locked() public {
        ThaiBahtBridge.Quote memory quote = quoteFor(buyer, RESERVATION, 60 * BAHT);
        bytes memory signature = hubSigns(quote);
        vm.expectEmit();
        emit ThaiBahtBridge.PaymentReceived(
            RESERVATION, buyer, quote.solanaWallet, 60 * BAHT, quote.deadline
        );
        vm.prank(buyer);
        bridge.pay(quote, signature);

        ThaiBahtBridge.Payment memory payment = bridge.payments(RESERVATION);
        require(payment.state == ThaiBahtBridge.State.Locked, "not locked");
        same(payment.payer, buyer);
        same(payment.amount, 60 * BAHT);
        same(payment.deadline, quote.deadline);
        same(bridge.totalLocked(), 60 * BAHT);
        same(thbc.balanceOf(address(bridge)), 60 * BAHT);
        same(thbc.balanceOf(buyer), 2 * CAP - 60 * BAHT);
    }

    function test_only_the_payer_pays() public {
        ThaiBahtBridge.Quote memory quote = quoteFor(buyer, RESERVATION, BAHT);
        refused(
            address(this),
            quote,
            hubSigns(quote),
            abi.encodeWithSelector(ThaiBahtBridge.NotThePayer.selector, buyer)
        );
    }

    function test_a_quote_for_another_solana_chain_is_refused() public {
        ThaiBahtBridge.Quote memory quote = quoteFor(buyer, RESERVATION, BAHT);
        quote.solanaChain = keccak256("another genesis");
        refused(
            buyer,
            quote,
            hubSigns(quote),
            abi.encodeWithSelector(ThaiBahtBridge.WrongSolanaChain.selector, quote.solanaChain)
        );
    }

    function test_a_quote_counts_up_to_its_deadline() public {
        ThaiBahtBridge.Quote memory quote = quoteFor(buyer, RESERVATION, BAHT);
        bytes memory signature = hubSigns(quote);
        vm.warp(quote.deadline + 1);
        refused(
            buyer,
            quote,
            signature,
            abi.encodeWithSelector(ThaiBahtBridge.QuoteExpired.selector, quote.deadline)
        );
        vm.warp(quote.deadline);
        vm.prank(buyer);
        bridge.pay(quote, signature);
    }

    function test_a_deadline_far_ahead_is_refused() public {
        ThaiBahtBridge.Quote memory quote = quoteFor(buyer, RESERVATION, BAHT);
        quote.deadline = uint64(block.timestamp + 1 hours + 1);
        refused(
            buyer,
            quote,
            hubSigns(quote),
            abi.encodeWithSelector(ThaiBahtBridge.DeadlineTooFar.selector, quote.deadline)
        );
    }

    function test_a_quote_for_nothing_is_refused() public {
        ThaiBahtBridge.Quote memory quote = quoteFor(buyer, RESERVATION, 0);
        refused(
            buyer,
            quote,
            hubSigns(quote),
            abi.encodeWithSelector(ThaiBahtBridge.InvalidAmount.selector)
        );
    }

    function testFuzz_a_quote_that_was_altered_is_refused(uint8 field, uint64 by) public {
        vm.assume(by > 0);
        ThaiBahtBridge.Quote memory quote = quoteFor(buyer, RESERVATION, BAHT);
        bytes memory signature = hubSigns(quote);
        if (field % 4 == 0) quote.reservation = bytes32(uint256(quote.reservation) ^ by);
        else if (field % 4 == 1) quote.solanaWallet = bytes32(uint256(quote.solanaWallet) ^ by);
        else if (field % 4 == 2) quote.amount += by;
        else quote.deadline += 1 + by % 3000;
        refused(
            buyer, quote, signature, abi.encodeWithSelector(ThaiBahtBridge.InvalidQuote.selector)
        );
    }

    function test_a_quote_by_somebody_else_is_refused() public {
        ThaiBahtBridge.Quote memory quote = quoteFor(buyer, RESERVATION, BAHT);
        bytes memory forged = signed(HUB_KEY + 1, bridge.quoteDigest(quote));
        refused(buyer, quote, forged, abi.encodeWithSelector(ThaiBahtBridge.InvalidQuote.selector));
        refused(
            buyer, quote, hex"1234", abi.encodeWithSelector(ThaiBahtBridge.InvalidQuote.selector)
        );
    }

    function test_a_quote_of_another_bridge_is_refused() public {
        ThaiBahtBridge first = bridge;
        open();
        ThaiBahtBridge.Quote memory quote = quoteFor(buyer, RESERVATION, BAHT);
        bytes memory signature = signed(HUB_KEY, first.quoteDigest(quote));
        refused(
            buyer, quote, signature, abi.encodeWithSelector(ThaiBahtBridge.InvalidQuote.selector)
        );
    }

    function test_a_reservation_is_paid_for_once_whatever_became_of_it() public {
        ThaiBahtBridge.Quote memory quote = pay(buyer, RESERVATION, BAHT);
        bytes memory again =
            abi.encodeWithSelector(ThaiBahtBridge.AlreadyPaid.selector, RESERVATION);
        refused(buyer, quote, hubSigns(quote), again);

        bridge.release(RESERVATION, guardiansSign(RESERVATION, 2));
        refused(buyer, quote, hubSigns(quote), again);

        bytes32 other = keccak256("other");
        pay(buyer, other, BAHT);
        vm.warp(block.timestamp + 2 days);
        bridge.refund(other);
        ThaiBahtBridge.Quote memory later = quoteFor(buyer, other, BAHT);
        refused(
            buyer,
            later,
            hubSigns(later),
            abi.encodeWithSelector(ThaiBahtBridge.AlreadyPaid.selector, other)
        );
    }

    function testFuzz_never_more_than_the_cap_is_locked(uint256 first, uint256 second) public {
        (first, second) = (1 + first % CAP, 1 + second % CAP);
        pay(buyer, RESERVATION, first);
        ThaiBahtBridge.Quote memory quote = quoteFor(buyer, keccak256("second"), second);
        if (first + second > CAP) {
            refused(
                buyer,
                quote,
                hubSigns(quote),
                abi.encodeWithSelector(ThaiBahtBridge.CapExceeded.selector, first, CAP)
            );
        } else {
            pay(buyer, quote.reservation, second);
            same(bridge.totalLocked(), first + second);
        }
    }

    function test_a_cap_lowered_below_what_is_locked_refuses_all() public {
        pay(buyer, RESERVATION, 10 * BAHT);
        bridge.setLockedCap(5 * BAHT);
        ThaiBahtBridge.Quote memory quote = quoteFor(buyer, keccak256("second"), BAHT);
        refused(
            buyer,
            quote,
            hubSigns(quote),
            abi.encodeWithSelector(ThaiBahtBridge.CapExceeded.selector, 10 * BAHT, 5 * BAHT)
        );
    }

    function test_a_buyer_without_the_money_is_refused() public {
        address poor = address(0x900);
        vm.prank(poor);
        thbc.approve(address(bridge), BAHT);
        ThaiBahtBridge.Quote memory quote = quoteFor(poor, RESERVATION, BAHT);
        refused(
            poor,
            quote,
            hubSigns(quote),
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, poor, 0, BAHT)
        );
    }

    function test_a_pause_of_the_token_stops_payments() public {
        thbc.pause();
        ThaiBahtBridge.Quote memory quote = quoteFor(buyer, RESERVATION, BAHT);
        refused(
            buyer, quote, hubSigns(quote), abi.encodeWithSelector(Pausable.EnforcedPause.selector)
        );
    }

    function test_a_permit_serves_even_when_somebody_used_it_before() public {
        address payer = vm.addr(0xC0FFEE);
        thbc.mint(payer, 3 * BAHT);
        ThaiBahtBridge.Quote memory quote = quoteFor(payer, RESERVATION, 3 * BAHT);
        bytes memory signature = hubSigns(quote);
        (uint8 v, bytes32 r, bytes32 s) = permit(0xC0FFEE, 3 * BAHT);
        thbc.permit(payer, address(bridge), 3 * BAHT, block.timestamp, v, r, s);
        vm.prank(payer);
        bridge.payWithPermit(quote, signature, block.timestamp, v, r, s);
        require(stateOf(RESERVATION) == ThaiBahtBridge.State.Locked, "not locked");
    }

    function test_a_permit_serves_by_itself_and_a_false_one_does_not() public {
        address payer = vm.addr(0xC0FFEE);
        thbc.mint(payer, 3 * BAHT);
        ThaiBahtBridge.Quote memory quote = quoteFor(payer, RESERVATION, 3 * BAHT);
        bytes memory signature = hubSigns(quote);
        (uint8 v, bytes32 r, bytes32 s) = permit(0xBAD, 3 * BAHT);
        vm.expectRevert(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientAllowance.selector, address(bridge), 0, 3 * BAHT
            )
        );
        vm.prank(payer);
        bridge.payWithPermit(quote, signature, block.timestamp, v, r, s);
        (v, r, s) = permit(0xC0FFEE, 3 * BAHT);
        vm.prank(payer);
        bridge.payWithPermit(quote, signature, block.timestamp, v, r, s);
        same(thbc.balanceOf(address(bridge)), 3 * BAHT);
    }

    function refused(
        address payer,
        ThaiBahtBridge.Quote memory quote,
        bytes memory signature,
        bytes memory refusal
    ) private {
        uint256 locked = bridge.totalLocked();
        vm.expectRevert(refusal);
        vm.prank(payer);
        bridge.pay(quote, signature);
        same(bridge.totalLocked(), locked);
    }

    function permit(uint256 key, uint256 amount) private view returns (uint8, bytes32, bytes32) {
        bytes32 content = keccak256(
            abi.encode(
                keccak256(
                    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
                ),
                vm.addr(key),
                address(bridge),
                amount,
                thbc.nonces(vm.addr(key)),
                block.timestamp
            )
        );
        return
            vm.sign(key, keccak256(abi.encodePacked("\x19\x01", thbc.DOMAIN_SEPARATOR(), content)));
    }
}
