"""The JSON-RPC methods: each takes the chain and the parameters as they came."""

from gridtokenx_hub.local_chain.chain import LocalChain
from gridtokenx_hub.local_chain.json_rpc import Methods
from gridtokenx_hub.local_chain.methods import accounts, history, sending, status, tokens

METHODS: Methods[LocalChain] = {
    "getAccountInfo": accounts.get_account_info,
    "getBalance": accounts.get_balance,
    "getBlockHeight": status.get_block_height,
    "getBlockTime": status.get_block_time,
    "getGenesisHash": status.get_genesis_hash,
    "getHealth": status.get_health,
    "getLatestBlockhash": status.get_latest_blockhash,
    "getMinimumBalanceForRentExemption": accounts.get_minimum_balance_for_rent_exemption,
    "getMultipleAccounts": accounts.get_multiple_accounts,
    "getProgramAccounts": accounts.get_program_accounts,
    "getSignatureStatuses": history.get_signature_statuses,
    "getSignaturesForAddress": history.get_signatures_for_address,
    "getSlot": status.get_slot,
    "getTokenAccountBalance": tokens.get_token_account_balance,
    "getTokenAccountsByOwner": tokens.get_token_accounts_by_owner,
    "getTokenSupply": tokens.get_token_supply,
    "getTransaction": history.get_transaction,
    "getVersion": status.get_version,
    "isBlockhashValid": status.is_blockhash_valid,
    "requestAirdrop": sending.request_airdrop,
    "sendTransaction": sending.send_transaction,
    "simulateTransaction": sending.simulate_transaction,
}
