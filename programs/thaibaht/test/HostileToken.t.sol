// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ThaiBahtBridge} from "../contracts/ThaiBahtBridge.sol";
import {World} from "./World.sol";
import {vm} from "./Vm.sol";

/// @title A token that takes a fee, says false, or calls back in the middle of a transfer.
contract HostileToken is ERC20 {
    enum Kind {
        Honest,
        Fee,
        Silent,
        CallsBack
    }

    Kind public kind;
    address public target;
    bytes public call;
    uint256 public calls;
    bool public succeeded;

    constructor() ERC20("Hostile", "H") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function become(Kind kind_, address target_, bytes calldata call_) external {
        kind = kind_;
        target = target_;
        call = call_;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        if (kind == Kind.Silent) return false;
        _callBack();
        return super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (kind == Kind.Silent) return false;
        _callBack();
        super.transferFrom(from, to, amount);
        if (kind == Kind.Fee) _burn(to, 1);
        return true;
    }

    function _callBack() private {
        if (kind != Kind.CallsBack || calls > 0) return;
        ++calls;
        (succeeded,) = target.call(call);
    }
}

contract HostileTokenTest is World {
    address private constant BUYER = address(0xB0B);
    bytes32 private constant RESERVATION = keccak256("a reservation");

    HostileToken private token;

    function setUp() public {
        open();
        token = new HostileToken();
        bridge = new ThaiBahtBridge(
            IERC20(address(token)),
            SOLANA,
            address(this),
            vm.addr(HUB_KEY),
            TREASURY,
            CAP,
            addresses(guardianKeys),
            2
        );
        token.mint(BUYER, 100);
        token.mint(address(bridge), 100); // what others have locked
        vm.prank(BUYER);
        token.approve(address(bridge), 100);
    }

    function test_a_fee_on_the_way_is_refused() public {
        token.become(HostileToken.Kind.Fee, address(0), "");
        ThaiBahtBridge.Quote memory quote = quoteFor(BUYER, RESERVATION, 40);
        bytes memory signature = hubSigns(quote);
        vm.expectRevert(abi.encodeWithSelector(ThaiBahtBridge.WrongAmountReceived.selector, 39, 40));
        vm.prank(BUYER);
        bridge.pay(quote, signature);
    }

    function test_a_token_that_says_false_moves_no_state() public {
        token.become(HostileToken.Kind.Silent, address(0), "");
        ThaiBahtBridge.Quote memory quote = quoteFor(BUYER, RESERVATION, 40);
        bytes memory signature = hubSigns(quote);
        bytes memory refusal =
            abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(token));
        vm.expectRevert(refusal);
        vm.prank(BUYER);
        bridge.pay(quote, signature);

        token.become(HostileToken.Kind.Honest, address(0), "");
        pay(BUYER, RESERVATION, 40);
        bytes[] memory signatures = guardiansSign(RESERVATION, 2);
        token.become(HostileToken.Kind.Silent, address(0), "");
        vm.expectRevert(refusal);
        bridge.release(RESERVATION, signatures);
        vm.warp(block.timestamp + 2 days);
        vm.expectRevert(refusal);
        bridge.refund(RESERVATION);
        require(stateOf(RESERVATION) == ThaiBahtBridge.State.Locked, "not locked any more");
    }

    function test_a_refund_inside_a_refund_moves_nothing_twice() public {
        pay(BUYER, RESERVATION, 40);
        vm.warp(block.timestamp + 2 days);
        token.become(
            HostileToken.Kind.CallsBack,
            address(bridge),
            abi.encodeCall(bridge.refund, (RESERVATION))
        );
        bridge.refund(RESERVATION);
        onceOnly(BUYER, 100);
    }

    function test_a_refund_inside_a_release_moves_nothing_twice() public {
        pay(BUYER, RESERVATION, 40);
        vm.warp(block.timestamp + 2 days);
        token.become(
            HostileToken.Kind.CallsBack,
            address(bridge),
            abi.encodeCall(bridge.refund, (RESERVATION))
        );
        bridge.release(RESERVATION, guardiansSign(RESERVATION, 2));
        onceOnly(TREASURY, 40);
    }

    function onceOnly(address account, uint256 expected) private view {
        same(token.calls(), 1);
        require(!token.succeeded(), "the call from within succeeded");
        same(token.balanceOf(account), expected);
        same(token.balanceOf(address(bridge)), 100);
        same(bridge.totalLocked(), 0);
    }
}
