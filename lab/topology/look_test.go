package topology

import (
	"context"
	"testing"
	"time"
)

func TestNeighbourIsWhoAnnouncedLast(t *testing.T) {
	n := build(t, Options{Reals: 1})
	client := n.Client()
	if mac, err := client.Neighbour(VIP); mac != "" || err != nil {
		t.Errorf("before anything was sent: %q, %v", mac, err)
	}
	if err := n.Router(1).AddAddr(VIP+"/24", "eth0", ""); err != nil {
		t.Fatal(err)
	}
	if err := exchange(client, n.Router(1), VIP); err != nil {
		t.Fatal(err)
	}
	if err := n.Router(2).Announce(VIP, "eth0"); err != nil {
		t.Fatal(err)
	}
	want, err := n.Router(2).MAC("eth0")
	if err != nil {
		t.Fatal(err)
	}
	mac, err := client.Neighbour(VIP)
	for end := time.Now().Add(10 * time.Second); err == nil && mac != want && time.Now().Before(end); time.Sleep(time.Millisecond) {
		mac, err = client.Neighbour(VIP) // the announcement is on its way
	}
	if mac != want || err != nil {
		t.Errorf("Neighbour = %q, %v, want %q", mac, err, want)
	}
}

func TestKillAllKillsOnlyTheNode(t *testing.T) {
	n := build(t, Options{Reals: 1})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	victim, other := n.Router(1).Command(ctx, "sh", "-c", "sleep 60 & sleep 60"), n.Router(2).Command(ctx, "sleep", "60")
	for _, cmd := range []*Cmd{victim, other} {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Router(1).KillAll(); err != nil {
		t.Fatal(err)
	}
	if err := victim.Wait(); err == nil {
		t.Error("the command in the node was not killed")
	}
	if pids, err := n.Router(2).processes(); len(pids) != 1 || err != nil {
		t.Errorf("processes of the other node: %v, %v, want one", pids, err)
	}
	_ = other.Process.Kill()
	_ = other.Wait()
}
