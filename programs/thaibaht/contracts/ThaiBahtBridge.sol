// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @title The baht side of a trade whose energy is on Solana.
/// @notice A buyer pays for one reservation of an order with the hub's quote. The payment is in
/// exactly one state: Locked, then Released to the treasury when guardians have seen the energy
/// change hands for good, or Refunded to the buyer, who needs nobody's permission from
/// REFUND_DELAY after the quote's deadline on. Nothing can hold back a refund but a release.
contract ThaiBahtBridge is EIP712, Ownable2Step {
    using SafeERC20 for IERC20;

    /// @notice What becomes of a payment.
    enum State {
        None,
        Locked,
        Released,
        Refunded
    }

    /// @notice What the hub offers; it signs this as EIP-712 typed data, whose domain holds this
    /// chain's id and this contract's address.
    struct Quote {
        /// The account that has to pay.
        address payer;
        /// Address of the reservation on Solana.
        bytes32 reservation;
        /// The buyer's wallet on Solana, which gets the energy.
        bytes32 solanaWallet;
        /// Genesis hash of the Solana chain.
        bytes32 solanaChain;
        /// Millionths of THBC, to be paid exactly.
        uint256 amount;
        /// Unix seconds until which it can be paid.
        uint64 deadline;
    }

    /// @notice A payment as it is kept.
    struct Payment {
        /// Who paid.
        address payer;
        /// Unix seconds of the quote's deadline.
        uint64 deadline;
        /// What has become of it.
        State state;
        /// Millionths of THBC.
        uint256 amount;
    }

    /// @notice From so long after its deadline on, a payment that is still locked can be refunded.
    uint64 public constant REFUND_DELAY = 24 hours;
    /// @notice A quote's deadline is at most so far ahead: no quote can put a refund off for years.
    uint64 public constant MAX_PAY_TIME = 1 hours;
    /// @notice The most guardians that a set may have.
    uint256 public constant MAX_GUARDIANS = 16;

    bytes32 private constant QUOTE_TYPE = keccak256(
        "Quote(address payer,bytes32 reservation,bytes32 solanaWallet,bytes32 solanaChain,uint256 amount,uint64 deadline)"
    );
    bytes32 private constant RELEASE_TYPE =
        keccak256("Release(bytes32 reservation,address payer,uint256 amount,uint64 guardianEpoch)");

    /// @notice The token that is paid with.
    IERC20 public immutable THBC;
    /// @notice Genesis hash of the Solana chain that this bridge belongs to.
    bytes32 public immutable SOLANA_CHAIN;

    /// @notice Whose signature makes a quote.
    address public quoteSigner;
    /// @notice Where released payments go.
    address public treasury;
    /// @notice The most that may be locked at once, in millionths of THBC.
    uint256 public lockedCap;
    /// @notice What is locked, in millionths of THBC.
    uint256 public totalLocked;
    /// @notice Number of the guardian set; signatures for an earlier one count no more.
    uint64 public guardianEpoch;
    /// @notice How many guardians have to sign.
    uint256 public threshold;

    address[] private _guardians;
    mapping(uint64 epoch => mapping(address account => bool)) private _isGuardian;
    mapping(bytes32 reservation => Payment) private _payments;

    /// @notice THBC is locked for a reservation.
    event PaymentReceived(
        bytes32 indexed reservation,
        address indexed payer,
        bytes32 indexed solanaWallet,
        uint256 amount,
        uint64 deadline
    );
    /// @notice A payment went to the treasury.
    event Released(bytes32 indexed reservation, address indexed treasury, uint256 amount);
    /// @notice A payment went back to its payer.
    event Refunded(bytes32 indexed reservation, address indexed payer, uint256 amount);
    /// @notice Another set of guardians is in office.
    event GuardiansChanged(uint64 indexed epoch, address[] guardians, uint256 threshold);
    /// @notice Another account signs quotes.
    event QuoteSignerChanged(address indexed quoteSigner);
    /// @notice Released payments go somewhere else.
    event TreasuryChanged(address indexed treasury);
    /// @notice The limit on all that is locked has changed.
    event LockedCapChanged(uint256 lockedCap);

    /// @notice The quote is for another account.
    error NotThePayer(address payer);
    /// @notice The quote is for another Solana chain.
    error WrongSolanaChain(bytes32 solanaChain);
    /// @notice The quote's time is over: ask the hub for another.
    error QuoteExpired(uint64 deadline);
    /// @notice The quote's deadline is more than MAX_PAY_TIME ahead.
    error DeadlineTooFar(uint64 deadline);
    /// @notice The hub did not sign this quote.
    error InvalidQuote();
    /// @notice A quote for nothing.
    error InvalidAmount();
    /// @notice This reservation has been paid for.
    error AlreadyPaid(bytes32 reservation);
    /// @notice More than may be locked at once: try later or pay less.
    error CapExceeded(uint256 totalLocked, uint256 lockedCap);
    /// @notice The token did not hand over the exact amount.
    error WrongAmountReceived(uint256 received, uint256 expected);
    /// @notice Nothing is locked for this reservation: not paid, released or refunded.
    error NotLocked(bytes32 reservation, State state);
    /// @notice Fewer signatures than the guardians' threshold.
    error NotEnoughSignatures(uint256 given, uint256 needed);
    /// @notice A signature of somebody else, of other contents, or not in the order of addresses.
    error InvalidSignature(uint256 index);
    /// @notice The refund's time has not come.
    error TooEarly(uint256 refundableFrom);
    /// @notice 1 to 16 guardians, addresses rising, not zero, and a threshold above half of them.
    error InvalidGuardians();
    /// @notice The zero address.
    error ZeroAddress();

    /// @param thbc The token that is paid with.
    /// @param solanaChain Genesis hash of the Solana chain.
    /// @param owner_ Appoints guardians, quote signer and treasury, and sets the cap.
    /// @param quoteSigner_ Whose signature makes a quote.
    /// @param treasury_ Where released payments go.
    /// @param lockedCap_ The most that may be locked at once, in millionths of THBC.
    /// @param guardians_ The first guardians, addresses rising.
    /// @param threshold_ How many of them have to sign: more than half.
    constructor(
        IERC20 thbc,
        bytes32 solanaChain,
        address owner_,
        address quoteSigner_,
        address treasury_,
        uint256 lockedCap_,
        address[] memory guardians_,
        uint256 threshold_
    ) EIP712("GridTokenX ThaiBahtBridge", "1") Ownable(owner_) {
        if (address(thbc) == address(0)) revert ZeroAddress();
        THBC = thbc;
        SOLANA_CHAIN = solanaChain;
        _setQuoteSigner(quoteSigner_);
        _setTreasury(treasury_);
        _setLockedCap(lockedCap_);
        _setGuardians(guardians_, threshold_);
    }

    /// @notice Locks THBC for a reservation. The payer has approved the amount before.
    /// @param quote What the hub offers.
    /// @param signature The hub's, over the quote.
    function pay(Quote calldata quote, bytes calldata signature) external {
        _pay(quote, signature);
    }

    /// @notice Locks THBC for a reservation, approved by a permit (EIP-2612) in the same call.
    /// @param quote What the hub offers.
    /// @param signature The hub's, over the quote.
    /// @param permitDeadline Unix seconds until which the permit counts.
    /// @param v Of the permit's signature.
    /// @param r Of the permit's signature.
    /// @param s Of the permit's signature.
    function payWithPermit(
        Quote calldata quote,
        bytes calldata signature,
        uint256 permitDeadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        // Anyone may have used the permit before us: what counts is the allowance.
        try IERC20Permit(address(THBC))
            .permit(msg.sender, address(this), quote.amount, permitDeadline, v, r, s) {}
            catch {}
        _pay(quote, signature);
    }

    /// @notice Sends a locked payment to the treasury; anyone may call it with the signatures.
    /// @param reservation Address of the reservation on Solana.
    /// @param signatures Of at least `threshold` guardians, over `releaseDigest`, in the order of
    /// their addresses.
    function release(bytes32 reservation, bytes[] calldata signatures) external {
        Payment storage payment = _locked(reservation);
        _checkGuardians(releaseDigest(reservation), signatures);
        _end(payment, State.Released, treasury);
        emit Released(reservation, treasury, payment.amount);
    }

    /// @notice Sends a locked payment back to its payer, from REFUND_DELAY after its deadline on.
    /// @dev Anyone may call it, also for a payer who has nothing left to pay gas with: it can only
    /// go to the payer.
    /// @param reservation Address of the reservation on Solana.
    function refund(bytes32 reservation) external {
        Payment storage payment = _locked(reservation);
        uint256 from = uint256(payment.deadline) + REFUND_DELAY;
        if (block.timestamp < from) revert TooEarly(from);
        _end(payment, State.Refunded, payment.payer);
        emit Refunded(reservation, payment.payer, payment.amount);
    }

    /// @notice Appoints other guardians; signatures of the set before count no more. For the owner.
    /// @param guardians_ 1 to 16 addresses, rising.
    /// @param threshold_ How many of them have to sign: more than half.
    function setGuardians(address[] calldata guardians_, uint256 threshold_) external onlyOwner {
        _setGuardians(guardians_, threshold_);
    }

    /// @notice Appoints another signer of quotes. For the owner.
    /// @param quoteSigner_ Its address.
    function setQuoteSigner(address quoteSigner_) external onlyOwner {
        _setQuoteSigner(quoteSigner_);
    }

    /// @notice Has released payments go somewhere else. For the owner.
    /// @param treasury_ Its address.
    function setTreasury(address treasury_) external onlyOwner {
        _setTreasury(treasury_);
    }

    /// @notice Limits all that may be locked at once; what is locked stays. For the owner.
    /// @param lockedCap_ Millionths of THBC.
    function setLockedCap(uint256 lockedCap_) external onlyOwner {
        _setLockedCap(lockedCap_);
    }

    /// @notice What was paid for a reservation, and what became of it.
    /// @param reservation Address of the reservation on Solana.
    /// @return The payment; all zero when there is none.
    function payments(bytes32 reservation) external view returns (Payment memory) {
        return _payments[reservation];
    }

    /// @notice Who is in office.
    /// @return Addresses, rising.
    function guardians() external view returns (address[] memory) {
        return _guardians;
    }

    /// @notice What the hub signs for a quote.
    /// @param quote The quote.
    /// @return The EIP-712 digest.
    function quoteDigest(Quote calldata quote) public view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    QUOTE_TYPE,
                    quote.payer,
                    quote.reservation,
                    quote.solanaWallet,
                    quote.solanaChain,
                    quote.amount,
                    quote.deadline
                )
            )
        );
    }

    /// @notice What guardians in office sign for the release of a payment.
    /// @param reservation Address of the reservation on Solana.
    /// @return The EIP-712 digest.
    function releaseDigest(bytes32 reservation) public view returns (bytes32) {
        Payment storage payment = _payments[reservation];
        return _hashTypedDataV4(
            keccak256(
                abi.encode(RELEASE_TYPE, reservation, payment.payer, payment.amount, guardianEpoch)
            )
        );
    }

    function _pay(Quote calldata quote, bytes calldata signature) private {
        if (msg.sender != quote.payer) revert NotThePayer(quote.payer);
        if (quote.solanaChain != SOLANA_CHAIN) revert WrongSolanaChain(quote.solanaChain);
        if (block.timestamp > quote.deadline) revert QuoteExpired(quote.deadline);
        if (quote.deadline > block.timestamp + MAX_PAY_TIME) revert DeadlineTooFar(quote.deadline);
        if (quote.amount == 0) revert InvalidAmount();
        (address signer, ECDSA.RecoverError fault,) =
            ECDSA.tryRecover(quoteDigest(quote), signature);
        if (fault != ECDSA.RecoverError.NoError || signer != quoteSigner) revert InvalidQuote();
        Payment storage payment = _payments[quote.reservation];
        if (payment.state != State.None) revert AlreadyPaid(quote.reservation);
        if (quote.amount > lockedCap || totalLocked > lockedCap - quote.amount) {
            revert CapExceeded(totalLocked, lockedCap);
        }

        payment.payer = quote.payer;
        payment.deadline = quote.deadline;
        payment.state = State.Locked;
        payment.amount = quote.amount;
        totalLocked += quote.amount;
        emit PaymentReceived(
            quote.reservation, quote.payer, quote.solanaWallet, quote.amount, quote.deadline
        );

        uint256 before = THBC.balanceOf(address(this));
        THBC.safeTransferFrom(msg.sender, address(this), quote.amount);
        uint256 received = THBC.balanceOf(address(this)) - before;
        if (received != quote.amount) revert WrongAmountReceived(received, quote.amount);
    }

    /// @dev Effects before the call: a token that calls back finds the payment ended.
    function _end(Payment storage payment, State state, address to) private {
        payment.state = state;
        totalLocked -= payment.amount;
        THBC.safeTransfer(to, payment.amount);
    }

    function _locked(bytes32 reservation) private view returns (Payment storage payment) {
        payment = _payments[reservation];
        if (payment.state != State.Locked) revert NotLocked(reservation, payment.state);
    }

    function _checkGuardians(bytes32 digest, bytes[] calldata signatures) private view {
        if (signatures.length < threshold) {
            revert NotEnoughSignatures(signatures.length, threshold);
        }
        address last = address(0);
        for (uint256 i = 0; i < signatures.length; ++i) {
            (address signer, ECDSA.RecoverError fault,) = ECDSA.tryRecover(digest, signatures[i]);
            // Rising addresses: nobody counts twice.
            if (
                fault != ECDSA.RecoverError.NoError || signer <= last
                    || !_isGuardian[guardianEpoch][signer]
            ) {
                revert InvalidSignature(i);
            }
            last = signer;
        }
    }

    function _setGuardians(address[] memory guardians_, uint256 threshold_) private {
        uint256 count = guardians_.length;
        if (count == 0 || count > MAX_GUARDIANS || threshold_ > count || 2 * threshold_ <= count) {
            revert InvalidGuardians();
        }
        uint64 epoch = ++guardianEpoch;
        address last = address(0);
        for (uint256 i = 0; i < count; ++i) {
            if (guardians_[i] <= last) revert InvalidGuardians();
            last = guardians_[i];
            _isGuardian[epoch][last] = true;
        }
        _guardians = guardians_;
        threshold = threshold_;
        emit GuardiansChanged(epoch, guardians_, threshold_);
    }

    function _setQuoteSigner(address quoteSigner_) private {
        if (quoteSigner_ == address(0)) revert ZeroAddress();
        quoteSigner = quoteSigner_;
        emit QuoteSignerChanged(quoteSigner_);
    }

    function _setTreasury(address treasury_) private {
        if (treasury_ == address(0)) revert ZeroAddress();
        treasury = treasury_;
        emit TreasuryChanged(treasury_);
    }

    function _setLockedCap(uint256 lockedCap_) private {
        lockedCap = lockedCap_;
        emit LockedCapChanged(lockedCap_);
    }
}
