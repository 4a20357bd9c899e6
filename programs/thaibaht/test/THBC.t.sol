// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {World} from "./World.sol";
import {vm} from "./Vm.sol";

contract THBCTest is World {
    address private constant ALICE = address(0xA11CE);
    address private constant BOB = address(0xB0B);

    function setUp() public {
        open();
    }

    function test_has_six_decimals() public view {
        same(thbc.decimals(), 6);
    }

    function test_only_minters_mint() public {
        bytes32 role = thbc.MINTER_ROLE();
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessControl.AccessControlUnauthorizedAccount.selector, ALICE, role
            )
        );
        vm.prank(ALICE);
        thbc.mint(ALICE, 1);
    }

    function test_only_pausers_pause_and_resume() public {
        bytes memory refusal = abi.encodeWithSelector(
            IAccessControl.AccessControlUnauthorizedAccount.selector, ALICE, thbc.PAUSER_ROLE()
        );
        vm.expectRevert(refusal);
        vm.prank(ALICE);
        thbc.pause();
        thbc.pause();
        vm.expectRevert(refusal);
        vm.prank(ALICE);
        thbc.resume();
    }

    function test_a_pause_stops_transfers_mints_and_burns_until_it_ends() public {
        thbc.mint(ALICE, 5);
        thbc.pause();
        bytes memory refusal = abi.encodeWithSelector(Pausable.EnforcedPause.selector);
        vm.expectRevert(refusal);
        vm.prank(ALICE);
        thbc.transfer(BOB, 1);
        vm.expectRevert(refusal);
        thbc.mint(ALICE, 1);
        vm.expectRevert(refusal);
        vm.prank(ALICE);
        thbc.burn(1);
        thbc.resume();
        vm.prank(ALICE);
        thbc.transfer(BOB, 1);
        same(thbc.balanceOf(BOB), 1);
    }

    function testFuzz_supply_is_what_was_minted_less_what_was_burnt(uint96 minted, uint96 burnt)
        public
    {
        vm.assume(burnt <= minted);
        thbc.mint(ALICE, minted);
        vm.prank(ALICE);
        thbc.burn(burnt);
        same(thbc.totalSupply(), uint256(minted) - burnt);
    }

    function test_a_permit_is_an_approval() public {
        uint256 key = 0xA11;
        address owner = vm.addr(key);
        bytes32 permit = keccak256(
            abi.encode(
                keccak256(
                    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
                ),
                owner,
                BOB,
                7,
                0,
                block.timestamp
            )
        );
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key, keccak256(abi.encodePacked("\x19\x01", thbc.DOMAIN_SEPARATOR(), permit)));
        thbc.permit(owner, BOB, 7, block.timestamp, v, r, s);
        same(thbc.allowance(owner, BOB), 7);
    }
}
