// zseq-bench-etcd: the load of zseq-bench kv, on etcd.
//
//	zseq-bench-etcd status -endpoints E    waits until all members are
//	                                       healthy; prints the leader's index
//	zseq-bench-etcd fill -endpoints E ...  stores the keys
//	zseq-bench-etcd run -endpoints E ...   measures once; prints JSON
//
// It uses clientv3, as etcd's own benchmark does. Its clients, keys, window and
// counts are those of zseq_bench_load and zseq_bench_kv_load.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io/ioutil"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"go.etcd.io/etcd/clientv3"
	"go.etcd.io/etcd/mvcc/mvccpb"
	"go.uber.org/zap"
	"google.golang.org/grpc/grpclog"
)

// More than a member needs to start and to elect a leader.
const healthLimit = 60 * time.Second

// Clients that store the keys.
const fillers = 32

var (
	endpoints   = flag.String("endpoints", "", "HOST:PORT,...")
	leaderOnly  = flag.Bool("leader", false, "talk to the leader only")
	operation   = flag.String("op", "put", "put, get, stale or cas")
	clients     = flag.Int("clients", 1, "goroutines in a closed loop")
	connections = flag.Int("connections", 1, "that they share evenly")
	keys        = flag.Int("keys", 1, "chosen at random; 0: one for each client")
	size        = flag.Int("size", 24, "bytes of a value")
	seconds     = flag.Float64("seconds", 1, "the window")
	requests    = flag.Int("requests", 0, "operations in all, in place of a window")
	timeout     = flag.Int("timeout", 5000, "of a call, milliseconds")
	nodes       = flag.String("nodes", "", "PID,...: whose processor time to read")
	victim      = flag.Int("kill", 0, "PID to kill in the middle of the window")
)

// Phases of the window.
const (
	warm = iota
	measure
	over
)

var phase int32

// When the victim was killed; 0: not yet.
var killed int64

var began = time.Now()

func now() int64 {
	return int64(time.Since(began))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// What one client finds in the window.
type client struct {
	kv        *clientv3.Client
	index     int
	random    *rand.Rand
	waits     []int64
	done      int
	failed    int
	unknown   int
	conflicts int
	gap       int64
	success   int64 // When the last operation succeeded
	end       int64
	sum       int // Successful increments, whenever
	sumMaybe  int // ... and failed ones that may be done
	err       error
}

func key(index int) string {
	return fmt.Sprintf("zseq-kv/%06d/%09d", *size, index)
}

// A value begins with a number.
func value(number int) string {
	text := strconv.Itoa(number)
	if len(text) < *size {
		text += " " + strings.Repeat(".", *size-len(text)-1)
	}
	return text
}

func number(value []byte) int {
	n, err := strconv.Atoi(strings.SplitN(string(value), " ", 2)[0])
	if err != nil {
		fail(err)
	}
	return n
}

func callContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(),
		time.Duration(*timeout)*time.Millisecond)
}

func (c *client) chooseKey() string {
	if *keys == 0 {
		return key(c.index)
	}
	return key(c.random.Intn(*keys))
}

func (c *client) get(name string, options ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	ctx, cancel := callContext()
	defer cancel()
	r, err := c.kv.Get(ctx, name, options...)
	if err == nil && len(r.Kvs) != 1 {
		fail(fmt.Errorf("%s: no value", name))
	}
	return r, err
}

// Adds one to a key's number, if nobody else changes it meanwhile. Else it
// returns what the key has now.
func (c *client) try(name string, old *mvccpb.KeyValue) (*mvccpb.KeyValue, error) {
	ctx, cancel := callContext()
	defer cancel()
	t, err := c.kv.Txn(ctx).
		If(clientv3.Compare(clientv3.ModRevision(name), "=", old.ModRevision)).
		Then(clientv3.OpPut(name, value(number(old.Value)+1))).
		Else(clientv3.OpGet(name)).
		Commit()
	if err != nil {
		c.sumMaybe++
		c.unknown++
		return nil, err
	}
	if t.Succeeded {
		return nil, nil
	}
	return t.Responses[0].GetResponseRange().Kvs[0], nil
}

func (c *client) increment(name string) error {
	r, err := c.get(name)
	if err != nil {
		return err
	}
	now := r.Kvs[0]
	for {
		now, err = c.try(name, now)
		if err != nil {
			return err
		}
		if now == nil {
			c.sum++
			return nil
		}
		c.conflicts++
	}
}

func (c *client) operate() error {
	name := c.chooseKey()
	switch *operation {
	case "get":
		_, err := c.get(name)
		return err
	case "stale":
		_, err := c.get(name, clientv3.WithSerializable())
		return err
	case "cas":
		return c.increment(name)
	default:
		ctx, cancel := callContext()
		defer cancel()
		_, err := c.kv.Put(ctx, name, value(0))
		if err != nil {
			c.unknown++
		}
		return err
	}
}

// Notes how an operation ended, and how long the client had no success, if the
// victim was killed before that ended.
func (c *client) note(err error, end int64) {
	if err != nil {
		c.failed++
		c.err = err
	}
	if at := atomic.LoadInt64(&killed); at > 0 && end-c.success > c.gap {
		c.gap = end - c.success
	}
	if err == nil {
		c.success = end
	}
}

// Counts only what happens in the window.
func (c *client) reset() {
	c.failed, c.unknown, c.conflicts = 0, 0, 0
}

func (c *client) repeat(ready *sync.WaitGroup) {
	c.success = now()
	then := now()
	before := int32(warm)
	first := true
	for before != over {
		if before == warm {
			c.reset()
		}
		err := c.operate()
		end := now()
		after := atomic.LoadInt32(&phase)
		c.note(err, end)
		if before == measure || after == over {
			c.waits = append(c.waits, end-then)
		}
		if err == nil && after == measure {
			c.done++
		}
		if first {
			ready.Done()
			first = false
		}
		before = after
		then = end
	}
}

func (c *client) burst(ready *sync.WaitGroup, begin chan struct{}) {
	_ = c.operate()
	c.reset()
	ready.Done()
	<-begin
	for i := 0; i < *requests / *clients; i++ {
		then := now()
		err := c.operate()
		c.end = now()
		c.note(err, c.end)
		c.waits = append(c.waits, c.end-then)
		if err == nil {
			c.done++
		}
	}
}

// Processor time of a process, in nanoseconds.
func cpu(pid int) int64 {
	var t syscall.Timespec
	clock := uintptr(int32(^pid)<<3 | 2)
	if _, _, e := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clock,
		uintptr(unsafe.Pointer(&t)), 0); e != 0 {
		return 0
	}
	return t.Nano()
}

func cpuOfNodes() int64 {
	var sum int64
	for _, text := range strings.Split(*nodes, ",") {
		if pid, err := strconv.Atoi(text); err == nil {
			sum += cpu(pid)
		}
	}
	return sum
}

func connect(to []string) *clientv3.Client {
	quiet := zap.NewProductionConfig()
	quiet.Level = zap.NewAtomicLevelAt(zap.FatalLevel)
	c, err := clientv3.New(clientv3.Config{
		Endpoints:   to,
		DialTimeout: 10 * time.Second,
		LogConfig:   &quiet,
	})
	if err != nil {
		fail(err)
	}
	return c
}

// Asks each member for its leader, until all name the same.
func awaitLeader(all []string) (int, error) {
	c := connect(all)
	defer c.Close()
	var last error
	for limit := time.Now().Add(healthLimit); time.Now().Before(limit); {
		leader, err := commonLeader(c, all)
		if err == nil {
			return leader, nil
		}
		last = err
		time.Sleep(20 * time.Millisecond)
	}
	return 0, last
}

func commonLeader(c *clientv3.Client, all []string) (int, error) {
	var leader uint64
	index := -1
	for i, endpoint := range all {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		r, err := c.Status(ctx, endpoint)
		cancel()
		if err != nil {
			return 0, err
		}
		if r.Leader == 0 || i > 0 && r.Leader != leader {
			return 0, fmt.Errorf("%s: no common leader", endpoint)
		}
		leader = r.Leader
		if r.Header.MemberId == leader {
			index = i
		}
	}
	if index < 0 {
		return 0, fmt.Errorf("the leader is no endpoint")
	}
	return index, nil
}

func put(c *clientv3.Client, index int) {
	ctx, cancel := callContext()
	defer cancel()
	if _, err := c.Put(ctx, key(index), value(0)); err != nil {
		fail(err)
	}
}

func fill(to []string) {
	c := connect(to)
	defer c.Close()
	var all sync.WaitGroup
	for i := 0; i < fillers; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			for ; i < *keys; i += fillers {
				put(c, i)
			}
		}(i)
	}
	all.Wait()
}

// Opens the window, kills the victim in its middle, and closes it.
func openWindow() {
	half := time.Duration(*seconds * float64(time.Second) / 2)
	atomic.StoreInt32(&phase, measure)
	time.Sleep(half)
	if *victim > 0 {
		atomic.StoreInt64(&killed, now())
		if err := syscall.Kill(*victim, syscall.SIGKILL); err != nil {
			fail(err)
		}
	}
	time.Sleep(half)
	atomic.StoreInt32(&phase, over)
}

// No increment may be lost, and none done twice.
func checkSum(c *clientv3.Client, crew []*client) {
	ctx, cancel := callContext()
	defer cancel()
	r, err := c.Get(ctx, key(0))
	if err != nil {
		fail(err)
	}
	sum, maybe := 0, 0
	for _, one := range crew {
		sum += one.sum
		maybe += one.sumMaybe
	}
	if found := number(r.Kvs[0].Value); found < sum || found > sum+maybe {
		fail(fmt.Errorf("increments: %d done, %d unknown, %d found",
			sum, maybe, found))
	}
}

func report(crew []*client, window, cpuClients, cpuNodes int64) {
	var waits []int64
	var gap int64
	var failed, unknown, conflicts, done int
	slowest, fastest := -1, 0
	text := ""
	for _, c := range crew {
		waits = append(waits, c.waits...)
		failed += c.failed
		unknown += c.unknown
		conflicts += c.conflicts
		done += c.done
		if slowest < 0 || c.done < slowest {
			slowest = c.done
		}
		if c.done > fastest {
			fastest = c.done
		}
		if c.gap > gap {
			gap = c.gap
		}
		if c.err != nil {
			text = c.err.Error()
		}
	}
	fairness := 0.0
	if fastest > 0 {
		fairness = float64(slowest) / float64(fastest)
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"done": done, "window_ns": window, "cpu_clients_ns": cpuClients,
		"cpu_nodes_ns": cpuNodes, "failed": failed, "unknown": unknown,
		"conflicts": conflicts, "fairness": fairness, "gap_ns": gap,
		"error": text, "waits": waits,
	}); err != nil {
		fail(err)
	}
}

func run(to []string) {
	lines := make([]*clientv3.Client, *connections)
	for i := range lines {
		lines[i] = connect(to)
	}
	if *operation == "cas" {
		put(lines[0], 0)
	}
	crew := make([]*client, *clients)
	var ready, through sync.WaitGroup
	begin := make(chan struct{})
	for i := range crew {
		c := &client{kv: lines[i%len(lines)], index: i,
			random: rand.New(rand.NewSource(int64(i))),
			waits:  make([]int64, 0, 1<<16)}
		crew[i] = c
		ready.Add(1)
		through.Add(1)
		go func() {
			defer through.Done()
			if *requests > 0 {
				c.burst(&ready, begin)
			} else {
				c.repeat(&ready)
			}
		}()
	}
	ready.Wait()
	if *requests == 0 {
		time.Sleep(time.Duration(*seconds * float64(time.Second) / 10))
	}
	own, theirs, start := cpu(os.Getpid()), cpuOfNodes(), now()
	if *requests > 0 {
		close(begin)
		through.Wait()
	} else {
		openWindow()
	}
	window := now() - start
	own, theirs = cpu(os.Getpid())-own, cpuOfNodes()-theirs
	through.Wait()
	if *operation == "cas" {
		checkSum(lines[0], crew)
	}
	report(crew, window, own, theirs)
}

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("status, fill or run?"))
	}
	if err := flag.CommandLine.Parse(os.Args[2:]); err != nil {
		fail(err)
	}
	clientv3.SetLogger(grpclog.NewLoggerV2(ioutil.Discard, ioutil.Discard,
		ioutil.Discard))
	to := strings.Split(*endpoints, ",")
	if *leaderOnly || os.Args[1] == "status" {
		leader, err := awaitLeader(to)
		if err != nil {
			fail(err)
		}
		if os.Args[1] == "status" {
			fmt.Println(leader)
			return
		}
		to = to[leader : leader+1]
	}
	switch os.Args[1] {
	case "fill":
		fill(to)
	case "run":
		run(to)
	default:
		fail(fmt.Errorf("%s: neither status, fill nor run", os.Args[1]))
	}
}
