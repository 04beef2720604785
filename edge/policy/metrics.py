"""What operators see of the policy: counters by name only, never by account."""

from prometheus_client import Counter, Gauge

ADMISSIONS = Counter("policy_admissions_total", "Requests let in.", ["kind", "tier"])
REFUSALS = Counter("policy_refusals_total", "Requests refused, by the code they were answered with.", ["code", "tier"])
STEPS = Counter("ledger_steps_total", "Steps booked in the ledger.", ["step", "unit"])
UNEXPLAINED = Gauge("ledger_unexplained", "Units and wallets that entries, balances and holds disagree on; must be 0.")
HELD = Gauge("ledger_open_holds", "Holds that have not ended.")
JOURNAL = Gauge("ledger_journal_waiting", "Settlements and releases that wait for the database to come back.")
