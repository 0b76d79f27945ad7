"""zseq-bench, end to end: python3 zseq_bench_test.py PATH-OF-ZSEQ-BENCH

What it measures is not judged here, only that it measures, prints it in the
promised form, refuses bad use, and leaves nothing behind.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BENCH = os.path.abspath(sys.argv.pop(1))

WAIT_S = 120
CASE = "batch-1024*single*"
POSITIVE = ["ns_per_id", "ids_per_s", "p50_us", "p99_us", "p999_us", "max_us",
            "claims", "fairness", "floor", "ratio", "cpu_s"]
COUNTED = ["conflicts", "burnt", "timeouts"]
HAS_ETCD = shutil.which("etcd") and os.path.exists(BENCH + "-etcd")


def processes_of(directory):
    """The ids of the processes that name the directory as an argument."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if directory.encode() in file.read():
                    found.append(int(pid))
        except OSError:
            pass  # It has just ended.
    return found


class Bench(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = os.path.join(temporary.name, "nodes")
        os.mkdir(self.directory)
        self.json = os.path.join(temporary.name, "out.json")
        self.plot = os.path.join(temporary.name, "out.svg")
        self.environment = dict(os.environ, TMPDIR=self.directory)

    def start(self, *arguments):
        process = subprocess.Popen([BENCH, *arguments], env=self.environment,
                                   stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def finish(self, process):
        output, errors = process.communicate(timeout=WAIT_S)
        return process.returncode, output, errors

    def run_bench(self, *arguments):
        return self.finish(self.start(*arguments))

    def check_nothing_is_left(self):
        self.assertEqual(os.listdir(self.directory), [])
        self.assertEqual(processes_of(self.directory), [])

    def test_prints_a_case_in_a_table_and_in_json(self):
        status, output, errors = self.run_bench(
            "run", "--quick", "--case", CASE, "--json", self.json)
        self.assertEqual(status, 0, errors)
        self.assertIn("batch-1024-single", output)
        with open(self.json) as file:
            report = json.load(file)
        self.assertEqual([case["name"] for case in report["cases"]],
                         ["batch-1024-single"])
        case = report["cases"][0]
        for key in POSITIVE:
            self.assertGreater(case[key], 0, key)
        for key in COUNTED:
            self.assertGreaterEqual(case[key], 0, key)
        self.assertIsInstance(case["fsync"], bool)
        self.assertLessEqual(case["p50_us"], case["p99_us"])
        self.assertLessEqual(case["p99_us"], case["p999_us"])
        self.assertLessEqual(case["p999_us"], case["max_us"])
        for floor in report["floors"]:
            self.assertGreater(floor["ns_per_op"], 0, floor["name"])
        for name in ("ask", "atomic-1", "rename"):
            self.assertIn(name, [floor["name"] for floor in report["floors"]])
        for key in ("cpu", "cores", "kernel", "date"):
            self.assertTrue(report["machine"][key], key)
        self.check_nothing_is_left()

    def report(self, *arguments):
        """The table and the JSON of a quick run that must succeed."""
        status, output, errors = self.run_bench(
            "run", "--quick", *arguments, "--json", self.json)
        self.assertEqual(status, 0, errors)
        self.check_nothing_is_left()
        with open(self.json) as file:
            return output, json.load(file)

    def plot_option(self):
        return ["--plot", self.plot] if shutil.which("gnuplot") else []

    def test_compares_claims_without_and_with_a_reserve(self):
        output, report = self.report("--case", "reserve-1-single",
                                 "--reserve", "0.5")
        off, on = report["cases"]
        self.assertEqual([off["name"], on["name"]],
                         ["reserve-1-single/off", "reserve-1-single/on"])
        self.assertEqual([off["reserve_s"], on["reserve_s"]], [0, 0.5])
        self.assertEqual(report["machine"]["reserve_s"], 0.5)
        for case in off, on:
            self.assertGreater(case["claims_per_s"][0], 0)
            self.assertLessEqual(case["ns_lowest"], case["ns_highest"])
        self.assertAlmostEqual(
            on["times"][0], on["claims_per_s"][0] / off["claims_per_s"][0], 4)
        self.assertEqual(off["times"], [0, 0, 0])
        self.assertIn(on["note"], output)

    def test_compares_both_transports(self):
        output, report = self.report("--case", "transport-1-s*",
                                     "--nodes", "1")
        self.assertEqual(
            [case["name"] for case in report["cases"]],
            ["transport-1-single/zmq", "transport-1-single/native",
             "transport-1-sequences-32/zmq", "transport-1-sequences-32/native"])
        for case in report["cases"]:
            self.assertGreater(case["ids_per_s"], 0)
        native = report["cases"][1]
        self.assertGreater(native["times"][0], 0)
        self.assertIn(native["note"], output)

    def test_compares_fairness_with_that_of_a_mutex(self):
        output, report = self.report("--case", "file-1-*")
        alone, threads = report["cases"]
        self.assertEqual(alone["mutex_max_us"], 0)
        self.assertEqual(threads["name"], "file-1-threads-32")
        self.assertGreater(threads["mutex_max_us"], 0)
        self.assertGreaterEqual(threads["mutex_fairness"], 0)
        self.assertLessEqual(threads["mutex_fairness"], 1)
        self.assertIn("as many clients of a mutex", output)
        self.assertIn(threads["note"], output)

    def test_measures_first_claims_of_names(self):
        _, report = self.report("--case", "cold-names", "--nodes", "1")
        case = report["cases"][0]
        self.assertEqual(case["name"], "cold-names")
        self.assertEqual(case["claims"], 1000)
        for key in ("ns_per_id", "p50_us", "cpu_nodes_s", "ratio"):
            self.assertGreater(case[key], 0, key)

    def test_measures_what_many_names_cost(self):
        output, report = self.report("--case", "*-1000")
        self.assertEqual([case["name"] for case in report["cases"]],
                         ["names-1000", "recovery-1000", "start-1000"])
        for case in report["cases"]:
            self.assertEqual(case["names"], 1000)
            for key in ("ns_per_id", "p50_us", "floor", "prepare_s",
                        "cpu_nodes_s"):
                self.assertGreater(case[key], 0, key)
            self.assertIn(case["note"], output)
        for case in report["cases"][1:]:
            self.assertAlmostEqual(case["max_us"] * 1e3 / 1000,
                                   case["ns_per_id"], 3)
            self.assertGreater(case["resident"], 0)

    def test_counts_what_a_crowd_on_one_name_gets_and_uses(self):
        output, report = self.report("--case", "contention-*-32",
                                     *self.plot_option())
        cases = {case["name"]: case for case in report["cases"]}
        for kind in ("burst", "burst-warm", "steady", "restart",
                     "burst-processes", "steady-processes"):
            case = cases[f"contention-{kind}-32"]
            self.assertEqual(case["clients"], 32)
            self.assertEqual(case["floor_name"], "echo-32")
            for key in ("ns_per_id", "p50_us", "window_s", "ids", "ratio"):
                self.assertGreater(case[key], 0, key)
            self.assertEqual(case["failed"], sum(case["failures"].values()))
            self.assertGreater(case["next"], case["ids"])
            self.assertAlmostEqual(case["used"],
                                   (case["next"] - 1) / case["ids"], 6)
            self.assertIn(case["note"], output)
            if kind.startswith("burst"):
                self.assertEqual(case["ids"] + case["failed"], 320)

        if self.plot_option():
            with open(self.plot) as file:
                plot = file.read()
            for text in ("contention-steady-32", "contention-steady<",
                         "IDs a second on one name", "claimed for each"):
                self.assertIn(text, plot)

    def test_counts_calls_of_a_crowd_that_fail(self):
        process = self.start("run", "--quick", "--case", "contention-burst-1",
                             "--json", self.json)
        for line in process.stderr:
            if line.startswith("case 1"):
                break
        nodes = processes_of(self.directory)
        self.assertEqual(len(nodes), 3)
        for node in nodes:
            os.kill(node, signal.SIGSTOP)
        time.sleep(8)  # A call fails after 5 s.
        for node in nodes:
            os.kill(node, signal.SIGCONT)
        status, output, errors = self.finish(process)
        self.assertEqual(status, 0, errors)
        with open(self.json) as file:
            case = json.load(file)["cases"][0]
        self.assertGreater(case["failed"], 0)
        self.assertEqual(case["ids"] + case["failed"], 10)
        self.assertIn(f"{case['failed']} calls failed:", output)
        self.check_nothing_is_left()

    def report_kv(self, *arguments):
        """The table and the JSON of a quick run that must succeed."""
        status, output, errors = self.run_bench(
            "kv", "--quick", *arguments, "--json", self.json)
        self.assertEqual(status, 0, errors)
        self.check_nothing_is_left()
        with open(self.json) as file:
            return output, json.load(file)

    def check_kv_case(self, case):
        for key in ("done", "p50_us", "max_us", "cpu_clients_us", "window_s"):
            self.assertGreater(case[key], 0, key)
        lowest, highest = case["op_per_s"][1:]
        self.assertLessEqual(lowest, case["op_per_s"][0])
        self.assertLessEqual(case["op_per_s"][0], highest)
        self.assertLessEqual(case["p50_us"], case["p99_us"])
        self.assertLessEqual(case["unknown"], case["failed"])

    def test_measures_keys_in_memory(self):
        output, report = self.report_kv("--uri", "mem:", "--case", "put-*",
                                        *self.plot_option())
        self.assertIsNone(report["etcd"])
        names = [case["name"] for case in report["cases"]]
        self.assertEqual(names, ["put-1", "put-32", "put-32-shared",
                                 "put-32-own-key", "put-32-one-key"])
        for case in report["cases"]:
            self.assertEqual(case["on"], "zseq")
            self.assertEqual(case["ratio"], [0, 0, 0])
            self.assertIn(case["name"], output)
            self.check_kv_case(case)
        if self.plot_option():
            with open(self.plot) as file:
                self.assertIn("put-32-own-key", file.read())

    def test_measures_how_long_so_many_requests_take(self):
        output, report = self.report_kv("--uri", "mem:", "--case",
                                        "requests-put-*-1000")
        for case, clients in zip(report["cases"], (1, 32), strict=True):
            self.assertEqual(case["done"], 1000 // clients * clients)
            self.check_kv_case(case)
            self.assertIn(f"  {case['done']} requests took", output)

    def test_measures_keys_on_its_own_cluster(self):
        output, report = self.report_kv("--case", "[gsc][eta]*-32*")
        cases = {case["name"]: case for case in report["cases"]}
        self.assertEqual(set(cases), {
            "get-32", "get-32-shared", "get-32-one-key", "stale-32",
            "cas-32-one-key", "cas-32-shared"})
        for case in report["cases"]:
            self.check_kv_case(case)
            self.assertGreater(case["cpu_nodes_us"], 0)
            self.assertEqual(case["failed"], sum(case["failures"].values()))
        tries = 1 + (cases["cas-32-one-key"]["failed_tries"] /
                     cases["cas-32-one-key"]["done"])
        self.assertRegex(output, rf"cas-32-one-key .* {tries:.2f} ")

    def test_measures_the_gap_while_a_node_is_killed(self):
        output, report = self.report_kv("--case", "kill-put-1")
        case = report["cases"][0]
        self.assertTrue(case["kill"])
        self.check_kv_case(case)
        self.assertGreater(case["gap_ms"][0], 0)
        self.assertIn("longest time of a client without a success", output)

    @unittest.skipUnless(HAS_ETCD, "no etcd, or no zseq-bench-etcd")
    def test_measures_keys_beside_etcd(self):
        for peer in ("etcd", "etcd-leader"):
            output, report = self.report_kv("--uri", "mem:", "--peer", peer,
                                            "--case", "put-32")
            self.assertEqual(report["etcd_leader_only"], peer != "etcd")
            self.assertIn(f"etcd {report['etcd']}, ", output)
            zseq, etcd = report["cases"]
            self.assertEqual([zseq["on"], etcd["on"]], ["zseq", "etcd"])
            self.assertGreater(etcd["cpu_nodes_us"], 0)
            self.assertAlmostEqual(
                zseq["ratio"][0], zseq["op_per_s"][0] / etcd["op_per_s"][0], 2)
            for case in zseq, etcd:
                self.check_kv_case(case)

    def test_says_which_packages_a_peer_needs(self):
        self.environment["PATH"] = "/nonexistent"
        status, _, errors = self.run_bench("kv", "--quick", "--uri", "mem:",
                                           "--case", "put-1", "--peer", "etcd")
        self.assertEqual(status, 2)
        self.assertIn("etcd is not installed (on Debian: apt install etcd-serv",
                      errors)
        self.check_nothing_is_left()

    def test_measures_floors_alone(self):
        status, output, errors = self.run_bench(
            "floor", "--quick", "--nodes", "1", "--json", self.json)
        self.assertEqual(status, 0, errors)
        with open(self.json) as file:
            report = json.load(file)
        self.assertEqual(report["cases"], [])
        self.assertEqual(len(report["floors"]), 13)
        self.check_nothing_is_left()

    def test_cleans_up_when_ended(self):
        process = self.start("run", "--seconds", "3600", "--case", CASE)
        for line in process.stdout:
            if line.startswith("case"):
                break
        self.assertEqual(len(os.listdir(self.directory)), 1)
        process.send_signal(signal.SIGTERM)
        status, _, errors = self.finish(process)
        self.assertEqual(status, 2)
        self.assertIn("signal 15", errors)
        self.check_nothing_is_left()

    def test_clears_up_when_a_node_ends(self):
        process = self.start("run", "--seconds", "3600", "--case", CASE)
        for line in process.stdout:
            if line.startswith("case"):
                break
        node = [pid for pid in processes_of(self.directory)
                if pid != process.pid][0]
        os.kill(node, signal.SIGKILL)
        status, _, errors = self.finish(process)
        self.assertEqual(status, 2)
        self.assertIn("was ended by signal 9", errors)
        self.check_nothing_is_left()

    def test_refuses_bad_use(self):
        for arguments in (
                [], ["walk"], ["run", "more"], ["run", "--nodes", "0"],
                ["run", "--nodes", "10"], ["run", "--nodes", "3x"],
                ["run", "--seconds", "0"], ["run", "--seconds", "nan"],
                ["run", "--seconds", ""], ["run", "--case", "nosuch"],
                ["run", "--uri", "tcp://127.0.0.1:1", "--nodes", "3"],
                ["run", "--reserve", "61"], ["run", "--reserve", "1s"],
                ["run", "--reserve", "-1"],
                ["run", "--uri", "tcp://127.0.0.1:1", "--reserve", "1"],
                ["run", "--uri", "tcp://127.0.0.1:1", "--case", "names-10"],
                ["run", "--reserve", "0", "--case", "reserve-*"],
                ["run", "--nodes", "2", "--case", "recovery-*"],
                ["run", "--quick", "--case", "start-1000000"],
                ["run", "--case", "*contention-burst-1"],
                ["floor", "--case", "*"], ["floor", "--reserve", "1"],
                ["run", "--peer", "etcd"], ["kv", "--peer", "other"],
                ["kv", "--reserve", "1"], ["kv", "--case", "batch-*"],
                ["kv", "--case", "*kill-put-1"],
                ["kv", "--uri", "mem:", "--case", "kill-*"],
                ["run", "--bogus"]):
            status, output, errors = self.run_bench(*arguments)
            self.assertEqual(status, 1, arguments)
            self.assertIn("zseq-bench: ", errors)
        self.check_nothing_is_left()

    def test_measures_in_memory_or_on_a_disk(self):
        status, output, errors = self.run_bench(
            "run", "--quick", "--case", CASE, "--json", self.json,
            "--fsync", "off")
        self.assertEqual(status, 0, errors)
        with open(self.json) as file:
            self.assertFalse(json.load(file)["cases"][0]["fsync"])
        status, output, errors = self.run_bench(
            "run", "--quick", "--case", CASE, "--fsync", "on",
            "--dir", "/dev/shm")
        self.assertEqual(status, 2)
        self.assertIn("/dev/shm lies in memory", errors)
        for arguments in (["--fsync", "maybe"],
                          ["--fsync", "off", "--dir", self.directory]):
            status, output, errors = self.run_bench("run", *arguments)
            self.assertEqual(status, 1, arguments)
        self.check_nothing_is_left()

    def test_says_why_it_cannot_begin(self):
        for arguments in (
                ["--zseqd", "/nonexistent"], ["--dir", "/nonexistent"],
                ["--json", "/nonexistent/out.json"]):
            status, output, errors = self.run_bench("run", *arguments)
            self.assertEqual(status, 2, arguments)
            self.assertIn("/nonexistent", errors)
        self.check_nothing_is_left()

    def test_helps(self):
        status, output, _ = self.run_bench("--help")
        self.assertEqual(status, 0)
        self.assertIn("batch-1-processes-32", output)
        self.assertIn("names-1000000-one-node", output)
        self.assertIn("contention-burst-2000", output)
        self.assertIn("--reserve", output)
        self.assertIn("requests-stale-32-100000", output)


if __name__ == "__main__":
    unittest.main()
