package passwd

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

const long = "This is a long password of more than sixty-four bytes, so that every loop is exercised"

// vectors of the SHA schemes are those of their specification; openssl passwd agrees with them and made the others.
var vectors = []struct{ hash, password string }{
	{"$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"},
	{"$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1", "Hello world!"},
	{"$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA", "Hello world!"},
	{"$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.", "Hello world!"},
	{"$5$rounds=5000$toolongsaltstrin$Un/5jzAHMgOGZ5.mWJpuVolil07guHPvOW8mGRcvxa5", "This is just a test"},
	{"$6$rounds=5000$toolongsaltstrin$lQ8jolhgVRVhY4b5pZKaysCLi0QBxGoNeKQzQ3glMhwllF7oGDZxUhx1yxdYcz/e1JSbq3y6JMxxl8audkUEm0", "This is just a test"},
	{"$5$rounds=1400$anotherlongsalts$Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1", "a very much longer text to encrypt.  This one even stretches over morethan one line."},
	{"$6$rounds=1400$anotherlongsalts$POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1", "a very much longer text to encrypt.  This one even stretches over morethan one line."},
	{"$5$rounds=77777$short$JiO1O3ZpDAxGJeaDIuqCoEFysAe1mZNJRs3pw0KQRd/", "we have a short salt string but not a short password"},
	{"$6$rounds=77777$short$WuQyW2YR.hBNpjjRhpYD/ifIw05xdfeEyQoMxIXbkvr0gge1a1x3yRULJ5CCaUeOxFmtlcGZelFl5CxtgfiAc0", "we have a short salt string but not a short password"},
	{"$5$rounds=123456$asaltof16chars..$gP3VQ/6X7UUEW3HkBn2w1/Ptq2jxPyzV/cZKmF/wJvD", "a short string"},
	{"$6$rounds=123456$asaltof16chars..$BtCwjqMJGx5hrJhZywWvt0RLE8uZ4oPwcelCjmw2kSYu.Ec6ycULevoBK25fs2xXgMNrCzIMVcgEJAstJeonj1", "a short string"},
	{"$5$rounds=1000$roundstoolow$yfvwcWrQ8l/K0DAWyuPMDNHpIVlTQebY9l/gL972bIC", "the minimum number is still observed"},
	{"$6$rounds=1000$roundstoolow$kUMsbe306n21p9R.FRkW3IGn.S9NPN0x50YhH1xhLsPuWGsUSklZt58jaTfF4ZEQpyUNGc0dqbpBYYBaHHrsX.", "the minimum number is still observed"},
	{"$apr1$saltstrg$3AwGaiPACYpeSBgOe.HGI/", "Hello world!"},
	{"$1$saltstrg$LPPSnYl8pzejZe..UVkco1", "Hello world!"},
	{"$apr1$saltstrg$DiWn091nlGCxM/4XMRf8v0", "a"},
	{"$1$saltstrg$yjiUIq7afOb6/TDtIRYhW0", "a"},
	{"$apr1$saltstrg$WbCFtk0R0cU5jdmrl52U//", "påsswörd"},
	{"$1$saltstrg$Zwo9g42QEEwvsBUflwyHh.", "påsswörd"},
	{"$apr1$saltstrg$IH2MvS6wWU3QsCqcDnW9d0", long},
	{"$1$saltstrg$mx2ekLMVmT8j.kMeQYcql1", long},
	{"$1$$j0yT3c/2mYPQF09fpvPLb0", "abc"},
	{"$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U"},
	{"$2y$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U"},
}

func TestVerify(t *testing.T) {
	for _, v := range vectors {
		if ok, err := Verify(v.hash, v.password); !ok || err != nil {
			t.Errorf("Verify(%s, %q) = %v, %v", v.hash, v.password, ok, err)
		}
		for _, wrong := range []string{"", v.password[:len(v.password)-1], v.password + "x", v.password + "\x00", strings.ToUpper(v.password) + "!", v.hash} {
			if ok, err := Verify(v.hash, wrong); ok || err != nil {
				t.Errorf("Verify(%s, %q) = %v, %v", v.hash, wrong, ok, err)
			}
		}
	}
}

// TestVerifyOpenSSL has openssl make hashes of passwords of every length at which a loop of the schemes turns.
func TestVerifyOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl")
	}
	for _, kind := range []string{"-apr1", "-1", "-5", "-6"} {
		for _, n := range []int{1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127} {
			password := strings.Repeat(long, 2)[:n]
			out, err := exec.Command(openssl, "passwd", kind, password).Output()
			if err != nil {
				t.Fatal(err)
			}
			if ok, err := Verify(strings.TrimSpace(string(out)), password); !ok || err != nil {
				t.Errorf("openssl passwd %s, %d bytes: Verify = %v, %v", kind, n, ok, err)
			}
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	tests := []struct {
		hash string
		want error
	}{
		{"", ErrScheme},
		{"password", ErrScheme},
		{"abJnggxhB/yWI", ErrScheme}, // DES crypt
		{"{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", ErrScheme},
		{"$", ErrScheme},
		{"$$$", ErrScheme},
		{"$$$$", ErrScheme},
		{"$1$", ErrScheme},
		{"$9$saltstrg$LPPSnYl8pzejZe..UVkco1", ErrScheme},
		{"$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e", ErrScheme},
		{"$1$saltstrg$", ErrHash},
		{"$1$saltstrg$LPPSnYl8pzejZe..UVkco", ErrHash},
		{"$1$saltstrg$LPPSnYl8pzejZe..UVkco1$", ErrHash},
		{"$1$saltstrgs$LPPSnYl8pzejZe..UVkco1", ErrHash},
		{"$apr1$$", ErrHash},
		{"$5$rounds=$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", ErrHash},
		{"$5$rounds=-1$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", ErrHash},
		{"$5$rounds=5000$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", ErrHash},
		{"$5$rounds=99999999999$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", ErrHash},
		{"$5$rounds=999999999$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", ErrCost},
		{"$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4", ErrHash},
		{"$2a$03$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", ErrHash},
		{"$2a$17$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", ErrCost},
		{"$2a$31$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", ErrCost},
		{"$2a$05$!XXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", ErrHash},
	}
	for _, tt := range tests {
		for _, password := range []string{"password", tt.hash} {
			if ok, err := Verify(tt.hash, password); ok || !errors.Is(err, tt.want) {
				t.Errorf("Verify(%q, %q) = %v, %v, want %v", tt.hash, password, ok, err, tt.want)
			}
		}
		if Weak(tt.hash) {
			t.Errorf("Weak(%q): nothing better can be made of a hash that is not accepted", tt.hash)
		}
	}
}

func TestHash(t *testing.T) {
	tests := []struct {
		password string
		want     error
	}{
		{"", ErrEmpty},
		{strings.Repeat("x", MaxPassword+1), ErrLong},
		{"a\x00b", ErrBytes},
		{"a\nb", ErrBytes},
		{strings.Repeat("x", MaxPassword), nil},
	}
	for _, tt := range tests {
		hash, err := Hash(tt.password)
		if !errors.Is(err, tt.want) {
			t.Errorf("Hash(%q) = %v, want %v", tt.password, err, tt.want)
		}
		if tt.want != nil {
			continue
		}
		if ok, err := Verify(hash, tt.password); !ok || err != nil {
			t.Errorf("Verify of a new hash = %v, %v", ok, err)
		}
		if n, err := bcrypt.Cost([]byte(hash)); n != cost || err != nil {
			t.Errorf("cost = %d, %v", n, err)
		}
		if Weak(hash) {
			t.Error("a new hash is weak")
		}
	}
	if !Weak(vectors[0].hash) || !Weak(vectors[len(vectors)-1].hash) {
		t.Error("SHA-256 or five rounds of bcrypt are not weak")
	}
}

// FuzzVerify: no hash, however broken, logs anyone in with itself or takes the program down.
func FuzzVerify(f *testing.F) {
	for _, v := range vectors {
		if !strings.Contains(v.hash, "rounds=") {
			f.Add(v.hash)
		}
	}
	f.Add("abJnggxhB/yWI")
	f.Fuzz(func(t *testing.T, hash string) {
		if strings.Contains(hash, "rounds=") || strings.HasPrefix(hash, "$2") && !strings.HasPrefix(hash[2:], "a$0") {
			return // slow
		}
		if ok, _ := Verify(hash, hash); ok {
			t.Errorf("%q verifies itself", hash)
		}
	})
}
