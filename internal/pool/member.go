package pool

import (
	"errors"

	"github.com/piranha-lvs/piranha/internal/nanny"
	"github.com/piranha-lvs/piranha/internal/probe"
)

// prepare makes what can be made of a nanny's arguments without the loop.
func (p *Pool) prepare(argv []string) (*job, *nanny.Watch, error) {
	o, err := nanny.ParseJob(argv)
	if err != nil {
		return nil, nil, err
	}
	watch := nanny.NewWatch(o, p.log)
	j := &job{pool: p, asker: watch}
	if o.Shared {
		same := o.SameCheck()
		j.key = &same
	}
	j.interval, j.turn = o.Interval, j
	if err := p.prepareCheck(j, o); err != nil {
		return nil, nil, err
	}
	return j, watch, p.prepareLoad(j, o)
}

func (p *Pool) prepareCheck(j *job, o *nanny.Options) error {
	if o.Program != "" {
		script, err := nanny.NewScript(o, p.env, p.wake...)
		if err != nil {
			return err
		}
		j.crew = &p.crew
		j.work = func() probe.Result {
			defer script.Forget()
			return script.Run()
		}
		return nil
	}
	if o.Heavy() {
		heavy, err := p.full.Check(o)
		if err != nil {
			return err
		}
		j.work, j.crew = func() probe.Result { return heavy.Run(p.ctx, nil) }, &p.talks
		return nil
	}
	target, check, err := nanny.Exchange(o, p.full)
	if err != nil {
		return err
	}
	j.exchange, err = probe.NewTest(target, check)
	return err
}

func (p *Pool) prepareLoad(j *job, o *nanny.Options) error {
	if !o.HasAgent() {
		return j.asker.WeighBy(p.env, p.wake...)
	}
	target, check, err := j.asker.Agent()
	if err != nil {
		return err
	}
	j.agent, err = probe.NewTest(target, check)
	return err
}

// add begins to watch a server under an ID, or says why that cannot be done. It is called by the loop.
func (p *Pool) add(id string, j *job, watch *nanny.Watch, err error) {
	p.remove(id)
	m := &member{id: id, watch: watch}
	p.members[id] = m
	if err != nil {
		p.log.Error("cannot check", "id", id, "err", err.Error())
		p.reports.say(m, nanny.Standing{Known: true, Reason: "cannot be checked: " + err.Error()})
		return
	}
	watch.Greet()
	if j.key != nil {
		if same := p.shared[*j.key]; same != nil {
			m.job = same
			same.members = append(same.members, m)
			p.engine.hurry(&same.check)
			return
		}
		p.shared[*j.key] = j
	}
	m.job, j.members = j, []*member{m}
	p.engine.add(&j.check)
}

// remove stops watching.
func (p *Pool) remove(id string) {
	m := p.members[id]
	if m == nil {
		return
	}
	delete(p.members, id)
	m.gone = true
	j := m.job
	if j == nil {
		return
	}
	j.members = without(j.members, m)
	if len(j.members) > 0 {
		return
	}
	if j.key != nil {
		delete(p.shared, *j.key)
	}
	p.engine.remove(&j.check)
}

func without(members []*member, m *member) []*member {
	var rest []*member
	for _, other := range members {
		if other != m {
			rest = append(rest, other)
		}
	}
	return rest
}

var errLong = errors.New("the job is longer than 1048576 bytes")
