package matrix

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// nginx serves pages over HTTP.
func nginx(t testing.TB) *daemon {
	t.Helper()
	dir, port, secure := t.TempDir(), freePort(t), freePort(t)
	pair := writePair(t, dir, roots.sign(t, site, thisYear()))
	// As root its workers would be somebody else, who cannot read the directory.
	conf := configure(t, dir, "nginx.conf", `
daemon off;
pid `+dir+`/pid;
error_log stderr;
user root;
events {}
http {
	access_log off;
	client_body_temp_path `+dir+`;
	proxy_temp_path `+dir+`;
	fastcgi_temp_path `+dir+`;
	uwsgi_temp_path `+dir+`;
	scgi_temp_path `+dir+`;
	server {
		listen 127.0.0.1:`+port+`;
		listen 127.0.0.1:`+secure+` ssl;
		ssl_certificate `+pair+`;
		ssl_certificate_key `+pair+`;
		location / { return 200 "all is well\n"; }
		location /broken { return 503 "nothing is\n"; }
	}
}
`)
	d := run(t, port, "nginx", "-e", "stderr", "-c", conf, "-p", dir)
	d.secure = secure
	return d
}

// sshd greets as OpenSSH does.
func sshd(t testing.TB) *daemon {
	t.Helper()
	dir, port := t.TempDir(), freePort(t)
	key := filepath.Join(dir, "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Skipf("ssh-keygen: %v: %s", err, out)
	}
	if os.Getuid() == 0 {
		// It refuses to start without; its service has it made.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	conf := configure(t, dir, "sshd_config", "ListenAddress 127.0.0.1\nPort "+port+"\nHostKey "+key+"\nPidFile none\nUsePAM no\nMaxStartups 100\n")
	return run(t, port, "/usr/sbin/sshd", "-D", "-e", "-f", conf)
}

// vsftpd greets as an FTP server does.
func vsftpd(t testing.TB) *daemon {
	t.Helper()
	dir, port := t.TempDir(), freePort(t)
	conf := configure(t, dir, "vsftpd.conf", `listen=YES
listen_address=127.0.0.1
listen_port=`+port+`
background=NO
run_as_launching_user=YES
anonymous_enable=YES
anon_root=`+dir+`
secure_chroot_dir=`+dir+`
`)
	return run(t, port, "/usr/sbin/vsftpd", conf)
}

// exim takes mail for nobody.
func exim(t testing.TB) *daemon {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("exim listens for root only")
	}
	dir, port := t.TempDir(), freePort(t)
	conf := configure(t, dir, "exim.conf", `primary_hostname = mail.example
spool_directory = `+dir+`
log_file_path = `+dir+`/%slog
exim_user = root
exim_group = root
never_users =
keep_environment =
tls_advertise_hosts =
host_lookup =
smtp_accept_max = 200
`)
	return run(t, port, "exim4", "-bdf", "-C", conf, "-oX", "127.0.0.1."+port, "-oP", dir+"/pid")
}

// dnsmasq knows one name, and knows that another does not exist.
func dnsmasq(t testing.TB) *daemon {
	t.Helper()
	port := freePort(t)
	return run(t, port, "dnsmasq", "--keep-in-foreground", "--log-facility=-", "--conf-file=/dev/null", "--pid-file=", "--user=root",
		"--listen-address=127.0.0.1", "--bind-interfaces", "--port="+port, "--no-resolv", "--no-hosts",
		"--address=/good.example/192.0.2.7", "--address=/bad.example/")
}

// redis answers PING, if asked with options such as --requirepass only after a password.
func redis(t testing.TB, options ...string) *daemon {
	t.Helper()
	port := freePort(t)
	argv := []string{"redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", t.TempDir(), "--save", ""}
	return run(t, port, append(argv, options...)...)
}

// TestSoftware: checks of servers that people run.
func TestSoftware(t *testing.T) {
	type check struct {
		want    string
		options []string
	}
	for _, tt := range []struct {
		name   string
		start  func(t testing.TB) *daemon
		checks []check
	}{
		{"nginx", nginx, []check{
			{up, []string{"-p", "80"}},
			{up, []string{"-s", `HEAD / HTTP/1.0\r\n\r\n`, "-x", "HTTP/1.1 200"}},
			{`down expected "HTTP/1.1 200", got "HTTP/1.1 503 Service Temporarily Unavailable"...`,
				[]string{"-s", `GET /broken HTTP/1.0\r\n\r\n`, "-x", "HTTP/1.1 200"}},
			{up, []string{"-s", `GET / HTTP/1.0\r\n\r\n`, "-x", "[0-9]{3} OK.*all is well", "--regex"}},
			{`down expected "220", got "HTTP/1.1 400 Bad Request"...`, []string{"-s", `QUIT\r\n\r\n`, "-x", "220"}},
			{"down read timed out after 400ms: no reply", []string{"-x", "*", "-t", "400ms"}},
			{up, []string{"--check=http", "--check-body=all is well"}},
			{"down status 503 Service Temporarily Unavailable, expected 200-399", []string{"--check=http", "--check-path=/broken"}},
			{up, []string{"--check=http", "--check-path=/broken", "--check-status=503", "--check-body=nothing"}},
			{`down expected TLS, got "HTTP/"`, []string{"--check=tls"}},
			{"down SMTP greeting: expected 220, got \"HTTP/1.1 400 Bad Request\"...\ndown timed out …", []string{"--check=smtp", "-t", "400ms"}},
			{up, []string{"--check=https", "--check-host=" + site, "--check-body=all is well", "--check-port=SECURE"}},
			{"down certificate is for web.example, not mail.example", []string{"--check=https", "--check-host=mail.example", "--check-port=SECURE"}},
			{up, []string{"--check=tls", "--check-verify=no", "--check-port=SECURE"}},
			{"down status 400 Bad Request, expected 200-399", []string{"--check=http", "--check-port=SECURE"}},
		}},
		{"sshd", sshd, []check{
			{up, nil},
			{up, []string{"-x", "SSH-"}},
			{up, []string{"-x", "^SSH-2[.]0-", "--regex"}},
			{`down expected "HTTP", got "SSH-2.0-OpenSSH_…`, []string{"-p", "80"}},
			{`down expected HTTP, got "SSH-2.0-OpenSSH_…`, []string{"--check=http"}},
			{`down expected TLS, got "SSH-2"`, []string{"--check=tls"}},
			{`down SMTP greeting: expected 220, got "SSH-2.0-OpenSSH_…`, []string{"--check=smtp"}},
		}},
		{"vsftpd", vsftpd, []check{
			{up, []string{"-x", "220"}},
			{up, []string{"-s", `QUIT\r\n`, "-x", "220"}},
			{`down expected "SSH-", got "220 (vsFTPd …`, []string{"-x", "SSH-"}},
		}},
		{"exim", exim, []check{
			{up, []string{"-x", "220 mail.example"}},
			{up, []string{"-s", `QUIT\r\n`, "-x", "220"}},
			{up, []string{"--check=smtp", "--check-host=router.example"}},
			{`down expected "SSH-", got "220 mail.example ESMTP Exim …`, []string{"-x", "SSH-"}},
		}},
		{"dnsmasq", dnsmasq, []check{
			{up, nil},
			{"down read timed out after 400ms: no reply", []string{"-u", "-t", "400ms"}}, // it takes no notice of an empty datagram
			{up, []string{"-u", "--check=dns", "--check-host=good.example"}},
			{up, []string{"--check=dns", "--check-host=good.example."}},
			{"down DNS NXDOMAIN for bad.example. A", []string{"-u", "--check=dns", "--check-host=bad.example"}},
			{"down DNS REFUSED for elsewhere.example. A", []string{"--check=dns", "--check-host=elsewhere.example"}},
		}},
		{"redis", func(t testing.TB) *daemon { return redis(t) }, []check{
			{up, []string{"-s", `PING\r\n`, "-x", "+PONG"}},
			{up, []string{"-e", "redis-cli -h %h -p %p ping", "-x", "PONG"}},
			{`down expected "+PONG", got "-ERR unknown command 'QUACK'…`, []string{"-s", `QUACK\r\n`, "-x", "+PONG"}},
		}},
		{"redis with a password", func(t testing.TB) *daemon { return redis(t, "--requirepass", "secret") }, []check{
			{`down expected "+PONG", got "-NOAUTH Authentication required."`, []string{"-s", `PING\r\n`, "-x", "+PONG"}},
			{`down expected "PONG", got "NOAUTH Authentication required.…`, []string{"-e", "redis-cli -h %h -p %p ping", "-x", "PONG"}},
			{up, []string{"-s", `AUTH secret\r\nPING\r\n`, "-x", `+OK\r\n+PONG`}},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := tt.start(t)
			for _, c := range tt.checks {
				t.Run(strings.Join(c.options, " "), func(t *testing.T) {
					t.Parallel()
					argv := []string{"-h", "127.0.0.1", "-p", "81", "-r", d.port}
					for _, o := range c.options {
						argv = append(argv, strings.ReplaceAll(o, "SECURE", d.secure))
					}
					n := watch(t, argv...)
					if got := n.standing(t); !like(got, c.want) {
						t.Errorf("nanny reports %q, want %q", got, c.want)
					}
				})
			}
		})
	}
}

// TestLife: a server that stands still, goes on, dies.
func TestLife(t *testing.T) {
	for _, tt := range []struct {
		name    string
		start   func(t testing.TB) *daemon
		options []string
	}{
		{"nginx", nginx, []string{"-p", "80"}},
		{"nginx, HTTP", nginx, []string{"--check=http"}},
		{"sshd", sshd, []string{"-x", "SSH-"}},
		{"vsftpd", vsftpd, []string{"-x", "220"}},
		{"exim", exim, []string{"-x", "220"}},
		{"exim, SMTP", exim, []string{"--check=smtp"}},
		{"dnsmasq", dnsmasq, []string{"-u", "--check=dns", "--check-host=good.example"}},
		{"redis", func(t testing.TB) *daemon { return redis(t) }, []string{"-s", `PING\r\n`, "-x", "+PONG"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := tt.start(t)
			n := watch(t, append([]string{"-h", "127.0.0.1", "-p", "81", "-r", d.port, "-t", "400ms", "-a", "900ms"}, tt.options...)...)
			n.until(t, up)
			d.signal(syscall.SIGSTOP) // connections still come about: the kernel makes them
			n.until(t, "down read timed out after 400ms: no reply\ndown timed out after 400ms in …")
			d.signal(syscall.SIGCONT)
			n.until(t, "down passes again, 1 more good checks needed")
			n.until(t, up)
			d.signal(syscall.SIGKILL)
			n.until(t, refused+"\ndown port unreachable")
		})
	}
}

// next waits for the next report, which must be this one.
func (n *nanny) next(t testing.TB, want string) {
	t.Helper()
	if got := n.standing(t); got != want {
		t.Fatalf("nanny reports %q, want %q", got, want)
	}
}
