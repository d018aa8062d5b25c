package pool

import (
	"slices"
	"time"

	"github.com/piranha-lvs/piranha/internal/nanny"
	"github.com/piranha-lvs/piranha/internal/probe"
)

// member is one real server: what a nanny of its own would be about.
type member struct {
	id   string
	job  *job // nil: it cannot be checked
	gone bool // removed

	watch     *nanny.Watch
	now, told nanny.Standing
	queued    bool // among the reports
}

// job is a check of a real server and the asking for its load, for one member, or for several with the same check.
type job struct {
	check
	pool    *Pool
	key     *nanny.Options // among the shared ones; nil: not shared
	members []*member

	// Exactly one of these is the check.
	exchange *probe.Test
	work     func() probe.Result
	crew     *crew // that does the work

	asker  *nanny.Watch // of the first member: asks for the load
	agent  *probe.Test  // that tells it, if there is one
	asking bool         // the agent, now
}

// begin makes the check.
func (j *job) begin() {
	if j.exchange != nil {
		j.pool.engine.try(&j.check, j.exchange)
		return
	}
	j.away(j.crew, func() func() {
		r := j.work()
		return func() { j.ended(r) }
	})
}

// away has a crew do some work; what that returns is called by the loop, unless the job has been removed meanwhile.
func (j *job) away(c *crew, work func() (then func())) {
	p := j.pool
	c.do(task{job: j, work: func() {
		then := work()
		p.do(func() {
			c.done()
			if !j.removed {
				then()
			}
		})
	}})
}

// ended takes the result of the check, or that of asking the agent.
func (j *job) ended(r probe.Result) {
	switch {
	case j.asking:
		j.asking = false
		j.weighed(j.asker.AgentAnswer(r))
	case r.Outcome == probe.Interrupted:
		j.pool.engine.finish(&j.check)
	case r.Lacks():
		j.pool.lack(r)
		j.pool.engine.putOff(&j.check)
	default:
		for _, m := range j.members {
			m.watch.Observe(&r)
		}
		j.weigh()
	}
}

// weigh asks for the load if it is time to. What is down does not wait for that.
func (j *job) weigh() {
	now := time.Now()
	due := slices.ContainsFunc(j.members, func(m *member) bool { return m.watch.LoadDue(now) })
	for _, m := range j.members {
		if s := m.watch.Standing(); !due || !s.Up {
			j.pool.reports.say(m, s)
		}
	}
	switch {
	case !due:
		j.pool.engine.finish(&j.check)
	case j.agent != nil:
		j.asking = true
		j.pool.engine.try(&j.check, j.agent)
	default:
		j.away(&j.pool.crew, func() func() {
			defer j.asker.ForgetLoad()
			a := j.asker.AskLoad()
			return func() { j.weighed(a) }
		})
	}
}

// weighed takes what the load monitor said.
func (j *job) weighed(a nanny.Answer) {
	now := time.Now()
	for _, m := range j.members {
		m.watch.TakeLoad(now, a)
		j.pool.reports.say(m, m.watch.Standing())
	}
	j.pool.engine.finish(&j.check)
}
