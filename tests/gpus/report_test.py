# SPDX-License-Identifier: Apache-2.0
"""report.py calls wrong what is wrong, and nothing else."""
import contextlib
import copy
import io
import json
import os
import tempfile
import unittest

import report

PIPELINES = [{"kernel": "matmul", "tier": "core", "constants": {"TX": 16, "TM": 4}, "calls": [0, 8], "registers": 72,
              "spills": 0, "waves": 2, "lanes": 32, "instructions": 500},
             {"kernel": "norm", "tier": "core", "constants": {}, "calls": [17, 17], "registers": 12, "waves": 16}]


class Report(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        report.HERE = self.folder.name
        self.inspected = os.path.join(self.folder.name, "inspected")
        os.mkdir(self.inspected)
        self.model = {"programs": ["decode 1", "prefill 16"], "pipelines": copy.deepcopy(PIPELINES)}
        self.exceptions = []

    def judged(self, *options, versions="Mesa 1"):
        """Whether it passes, and what it prints."""
        with open(os.path.join(self.inspected, "tiny.json"), "w") as f:
            json.dump(self.model, f)
        with open(os.path.join(self.folder.name, "exceptions.json"), "w") as f:
            json.dump(self.exceptions, f)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            passes = report.main([*options, "chip", versions, self.inspected]) == 0
        return passes, said.getvalue()

    def fails(self, words, **how):
        passes, said = self.judged(**how)
        self.assertFalse(passes, said)
        self.assertIn(words, said)

    def passes(self, *options, **how):
        passes, said = self.judged(*options, **how)
        self.assertTrue(passes, said)

    def test_what_is_recorded_passes_until_it_changes(self):
        self.fails("nothing is recorded yet")
        self.passes("--update")
        self.passes()
        self.model["pipelines"][0]["registers"] = 80
        self.fails("registers 72 -> 80")
        self.passes(versions="Mesa 2")
        self.model["pipelines"][0]["constants"]["TM"] = 8
        self.fails("matmul.core TM=8 TX=16\n    tiny: prefill 16 0 -> 8", versions="Mesa 2")
        self.fails("matmul.core TM=4 TX=16\n    tiny: prefill 16 8 -> 0")

    def test_calls_are_compared_by_program(self):
        self.passes("--update")
        self.model["programs"].insert(1, "decode 8")
        self.model["pipelines"][0]["calls"].insert(1, 0)
        self.model["pipelines"][1]["calls"].insert(1, 5)
        self.fails("norm.core\n    tiny: decode 8 0 -> 5")

    def test_rules_hold_whatever_is_recorded(self):
        for number, value in (("spills", 3), ("scratch", 64), ("waves", 1)):
            self.model["pipelines"] = copy.deepcopy(PIPELINES)
            self.model["pipelines"][0][number] = value
            self.judged("--update")
            self.fails("matmul.core TM=4 TX=16: %s %d (tiny)" % (number, value))
        self.model["pipelines"] = copy.deepcopy(PIPELINES)
        self.model["pipelines"][1]["waves"] = 3
        self.judged("--update")
        self.fails("norm.core: waves 3 (tiny)")

    def test_an_exception_covers_what_it_names_and_must_occur(self):
        self.model["pipelines"][0]["spills"] = 3
        self.judged("--update")
        self.exceptions = [{"chips": ["chip"], "kernel": "matmul", "constants": {"TM": 4}, "breaks": ["spills"],
                            "why": ""}]
        self.passes()
        self.model["pipelines"][0]["scratch"] = 64
        self.judged("--update")
        self.fails("matmul.core TM=4 TX=16: scratch 64 (tiny)")
        self.model["pipelines"] = copy.deepcopy(PIPELINES)
        self.judged("--update")
        self.fails("no spills any more")
        self.exceptions[0]["chips"] = ["another"]
        self.passes()

    def test_a_model_that_cannot_be_planned_is_wrong(self):
        self.model = {"problems": ["too large"]}
        self.fails("tiny: too large")


unittest.main()
