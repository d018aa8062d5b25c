package install

import (
	"strings"
	"testing"
)

// oldPassword is a password file of the original: the hash is an MD5 one, as htpasswd made them.
const oldPassword = "piranha:$apr1$ajtbqqUS$DLBdpvBvIh9dYqDwVfUaQ.\n"

// keepalivedPair is a configuration with an address of its own, so that nothing but the routers is left to be set.
const keepalivedPair = `vrrp_instance VI_1 {
	interface eth0
	virtual_ipaddress {
		192.0.2.100/24
	}
}
` + keepalivedConf

const ldirectordConf = `virtual=192.0.2.100:80
	real=10.11.12.11:80 masq
	real=10.11.12.12:80 masq
	service=http
	scheduler=rr
	protocol=tcp
`

// edit is what the administrator does with editor.
const edit = `sed -i 's/^# primary = .*/primary = 192.0.2.1/; s/^# backup = .*/backup = 192.0.2.2/; s/^# backup_active/backup_active/
	s/^# nat_router = .*/nat_router = 10.11.12.254 eth1:1/; s/^\( *\)# vip_nmask = .*/\1vip_nmask = 255.255.255.0/; s/^# nat_nmask = .*/nat_nmask = 255.255.255.0/' lvs.cf`

// migrations are the sections of doc/upgrading.md, what there is before, and what is done in the place of a command: nothing for what
// belongs to the other product, which is not here.
var migrations = []struct {
	title   string
	running bool              // an older version of this package
	before  map[string]string // files
	instead map[string]string
}{
	{title: "From one version to the next", running: true, before: map[string]string{"/etc/sysconfig/ha/lvs.cf": pairConf}},
	{
		title:  "From the original Piranha",
		before: map[string]string{"/etc/sysconfig/ha/lvs.cf": pairConf, "/etc/sysconfig/ha/conf/piranha.passwd": oldPassword, "/root/lvs.cf": pairConf},
		instead: map[string]string{
			"service piranha-gui stop": "", "rpm -e piranha": "rm -r /etc/sysconfig/ha",
			"rpm -i piranha-lvs-*.rpm": "dpkg -i piranha-lvs_*.deb", "rpm -e piranha-lvs": "dpkg --purge piranha-lvs",
			"rpm -i piranha-0*.rpm": "mkdir -p /etc/sysconfig/ha",
		},
	},
	{
		title:   "From keepalived",
		before:  map[string]string{"/etc/keepalived/keepalived.conf": keepalivedPair},
		instead: map[string]string{"editor lvs.cf": edit, "systemctl disable --now keepalived": "", "piranhactl status": ""},
	},
	{
		title:   "From ldirectord",
		before:  map[string]string{"/etc/ha.d/ldirectord.cf": ldirectordConf},
		instead: map[string]string{"editor lvs.cf": edit},
	},
}

// TestUpgradingDocument does what doc/upgrading.md says.
func TestUpgradingDocument(t *testing.T) {
	for _, mig := range migrations {
		t.Run(mig.title, func(t *testing.T) {
			n := network(t)
			serveReals(t, n)
			m := newMachine(t, n, 1)
			m.put()
			if mig.running {
				m.install()
			}
			for name, text := range mig.before {
				m.run("mkdir -p $(dirname " + name + ")")
				m.write(name, text)
			}
			if mig.running {
				m.run("service pulse start")
			}
			for _, s := range section(t, "../../doc/upgrading.md", mig.title) {
				for _, line := range s.lines {
					m.migrate(line, mig.instead)
				}
			}
		})
	}
}

// migrate runs a command of the document. Of the services only ours is there, and only while the package is.
func (m *machine) migrate(line string, instead map[string]string) {
	m.t.Helper()
	other, replaced := instead[line]
	_, missing := m.try("test -x /usr/sbin/pulse")
	switch {
	case replaced && other == "":
	case replaced:
		m.run(other)
	case missing != 0 && (strings.HasPrefix(line, "service ") || !strings.HasPrefix(line, "apt-get ") && strings.Contains(line, "lvs.cf") && !strings.HasPrefix(line, "cp ")):
		// The check of a copy of lvs.cf is made wherever the package is.
	case line == "piranhactl status", line == "piranhactl reexec":
		eventually(m.t, func() error { return m.says("piranhactl --json status", `"state": "active"`) })
		eventually(m.t, func() error { return m.says(line, "active") })
	default:
		m.run(line)
	}
	if strings.HasPrefix(line, "pulse ") {
		eventually(m.t, func() error { return m.says("piranhactl --json status", `"state": "active"`) })
		eventually(m.t, func() error { return m.says("ipvsadm -L -n", "10.11.12.11:80") })
		asked(m.t, m.net)
	}
}
