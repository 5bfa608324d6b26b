"""Recurrent encoders: those of the textbooks with their switches, and those of 2024."""

from __future__ import annotations

from seqkit.plugins import Register, hookimpl
from seqkit_recurrent.modern import head_rules, mingru, minlstm, mlstm, slstm
from seqkit_recurrent.rules import stack_rules
from seqkit_recurrent.textbook import bilstm, lstm, lstm_rules
from seqkit_recurrent.units import bigru, gru, rnn


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers the recurrent encoders."""
    register.encoder("bigru", bigru, rules=stack_rules)
    register.encoder("bilstm", bilstm, rules=lstm_rules)
    register.encoder("gru", gru, rules=stack_rules)
    register.encoder("lstm", lstm, rules=lstm_rules)
    register.encoder("mingru", mingru, rules=stack_rules)
    register.encoder("minlstm", minlstm, rules=stack_rules)
    register.encoder("mlstm", mlstm, rules=head_rules)
    register.encoder("rnn", rnn, rules=stack_rules)
    register.encoder("slstm", slstm, rules=head_rules)
