package billing

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ProvisionTx: what the host application and the agents page keep.
type ProvisionTx interface {
	// CreateOrg creates an org like InsertOrg; false if it is there already.
	CreateOrg(ctx context.Context, org Org, freePlan string) (created bool, err error)
	RenameOrg(ctx context.Context, orgID, name string) error
	SetRegion(ctx context.Context, orgID string, r Region) error
	// RemoveMember ends the membership, and with it the person's sessions that
	// look at the org and their member tokens there.
	RemoveMember(ctx context.Context, orgID, userID string, at time.Time) error

	// InsertKey stores a credential together with the hash of what names the
	// request for it; a nil hash is a request that has no name.
	InsertKey(ctx context.Context, c Credential, requestKey []byte) error
	KeyByRequest(ctx context.Context, orgID string, requestKey []byte) (Credential, error)
	// Keys are the org's keys, newest first, without those that were revoked
	// before the time.
	Keys(ctx context.Context, orgID string, revokedSince time.Time) ([]Credential, error)
	// KeysOf are all keys of one agent or person in the org, newest first.
	KeysOf(ctx context.Context, orgID, principalID string) ([]Credential, error)
	// RenameAgent names the agent on all of its keys.
	RenameAgent(ctx context.Context, orgID, agentID, name string) error
	// PendingOf are the requests that were made with a key and still wait.
	PendingOf(ctx context.Context, orgID, credentialID string) ([]Approval, error)
	// AskCounts counts how the requests since the time ended, by principal.
	AskCounts(ctx context.Context, orgID string, since time.Time) ([]AskCount, error)
}

// AskCount is how many requests of a principal are in a state.
type AskCount struct {
	PrincipalID string
	State       ApprovalState
	N           int
}

// The errors of provisioning.
var (
	ErrNeedsOwner    = &Error{Kind: KindInvalid, Code: "owner_required", Message: "An organisation needs at least one owner."}
	ErrLastOwner     = &Error{Kind: KindConflict, Code: "last_owner", Message: "This person is the last owner of the organisation. Give it another one first."}
	ErrUnknownMember = &Error{Kind: KindNotFound, Code: "unknown_member", Message: "Nobody with this address is a member of the organisation. Send a role to add them."}
)

// Limits of what a host sends.
const (
	maxOrgID   = 64
	maxMembers = 500
	maxName    = 100
	ssoLife    = time.Minute
)

// OrgSpec is an org as the host wants it.
type OrgSpec struct {
	ID   string // the host's own
	Name string
	// Region's fields that are empty leave what there is.
	Region Region
	// Members are all people with access: whoever is left out loses it. nil
	// leaves them as they are.
	Members []MemberSpec
}

// MemberSpec is a person as the host knows them. An empty name keeps the name
// that is known.
type MemberSpec struct {
	Email, Name string
	Role        Role
}

// OrgState is an org as it is afterwards.
type OrgState struct {
	Org     Org
	Members []Membership
	Created bool
}

// PutOrg makes an org be as the host says: it is created or renamed, and its
// people are added, changed and removed. Twice the same is once.
//
// Errors: ErrForbidden; ErrInvalid with the field; ErrNeedsOwner.
func (s *Service) PutOrg(ctx context.Context, p Principal, spec OrgSpec) (OrgState, error) {
	if p.Kind != KindHost {
		return OrgState{}, ErrHostOnly
	}
	spec, err := cleanOrg(spec)
	if err != nil {
		return OrgState{}, err
	}
	var out OrgState
	err = s.store.InTx(ctx, func(tx Tx) error {
		if err := s.putOrg(ctx, tx, p.Actor, spec, &out); err != nil {
			return err
		}
		if err := s.putMembers(ctx, tx, p.Actor, spec); err != nil {
			return err
		}
		out.Members, err = tx.Members(ctx, spec.ID)
		return err
	})
	return out, err
}

func (s *Service) putOrg(ctx context.Context, tx Tx, by Actor, spec OrgSpec, out *OrgState) error {
	org := Org{ID: spec.ID, Name: spec.Name, CreatedAt: s.Now(), Region: spec.Region}
	created, err := tx.CreateOrg(ctx, org, s.catalog.Free().ID)
	if err != nil {
		return err
	}
	out.Org, out.Created = org, created
	if created {
		return s.audit(ctx, tx, org.ID, by, "org.created", org.ID, map[string]any{"name": org.Name})
	}
	if err = tx.LockOrg(ctx, spec.ID); err != nil {
		return err
	}
	if out.Org, err = tx.Org(ctx, spec.ID); err != nil {
		return err
	}
	if err = s.moveOrg(ctx, tx, by, spec.Region.or(out.Org.Region), out); err != nil || out.Org.Name == spec.Name {
		return err
	}
	facts := map[string]any{"name": spec.Name, "before": out.Org.Name}
	out.Org.Name = spec.Name
	if err = tx.RenameOrg(ctx, spec.ID, spec.Name); err != nil {
		return err
	}
	return s.audit(ctx, tx, spec.ID, by, "org.renamed", spec.ID, facts)
}

// moveOrg gives an org another region.
func (s *Service) moveOrg(ctx context.Context, tx Tx, by Actor, to Region, out *OrgState) error {
	if to == out.Org.Region {
		return nil
	}
	out.Org.Region = to
	if err := tx.SetRegion(ctx, out.Org.ID, to); err != nil {
		return err
	}
	return s.audit(ctx, tx, out.Org.ID, by, "org.moved", out.Org.ID, map[string]any{"time_zone": to.TimeZone, "locale": to.Locale})
}

// putMembers makes the org's people those of a list that is given.
func (s *Service) putMembers(ctx context.Context, tx Tx, by Actor, spec OrgSpec) error {
	if spec.Members == nil {
		return nil
	}
	before, err := tx.Members(ctx, spec.ID)
	if err != nil {
		return err
	}
	listed := make(map[string]bool, len(spec.Members))
	for _, m := range spec.Members {
		listed[m.Email] = true
		if _, err = s.putMember(ctx, tx, by, spec.ID, m, before); err != nil {
			return err
		}
	}
	now := s.wallNow()
	for _, m := range before {
		if listed[m.User.Email] {
			continue
		}
		if err = tx.RemoveMember(ctx, spec.ID, m.User.ID, now); err != nil {
			return err
		}
		if err = s.audit(ctx, tx, spec.ID, by, "member.removed", m.User.ID, map[string]any{"email": m.User.Email}); err != nil {
			return err
		}
	}
	return nil
}

// putMember adds or changes one person, and writes nothing if they are as they
// should be.
func (s *Service) putMember(ctx context.Context, tx Tx, by Actor, orgID string, m MemberSpec, before []Membership) (User, error) {
	event, facts := "member.added", map[string]any{"email": m.Email, "role": m.Role}
	if old := find(before, m.Email); old != nil {
		switch {
		case old.Role != m.Role:
			event, facts["before"] = "member.role_changed", old.Role
		case m.Name == "" || m.Name == old.User.Name:
			return old.User, nil
		default:
			event = "member.renamed"
		}
	}
	user, err := tx.PutMember(ctx, orgID, User{ID: s.newID("usr_"), Email: m.Email, Name: m.Name, CreatedAt: s.wallNow()}, m.Role)
	if err != nil {
		return user, err
	}
	return user, s.audit(ctx, tx, orgID, by, event, user.ID, facts)
}

func find(members []Membership, email string) *Membership {
	i := slices.IndexFunc(members, func(m Membership) bool { return m.User.Email == email })
	if i < 0 {
		return nil
	}
	return &members[i]
}

// cleanOrg checks what the host sent and brings it into the form that is kept.
func cleanOrg(spec OrgSpec) (OrgSpec, error) {
	if !validOrgID(spec.ID) {
		return spec, ErrInvalid.Say("An organisation's id has 1 to %d letters, digits, _ or -.", maxOrgID).With("field", "org")
	}
	var err error
	if spec.Name, err = cleanName(spec.Name, "name"); err != nil {
		return spec, err
	}
	if spec.Region, err = cleanRegion(spec.Region); err != nil || spec.Members == nil {
		return spec, err
	}
	if len(spec.Members) > maxMembers {
		return spec, ErrInvalid.Say("There are at most %d members in a list.", maxMembers).With("field", "members")
	}
	members, seen, owners := make([]MemberSpec, 0, len(spec.Members)), map[string]bool{}, 0
	for i, m := range spec.Members {
		at := "members[" + strconv.Itoa(i) + "]."
		if m, err = cleanMember(m, at); err != nil {
			return spec, err
		}
		if seen[m.Email] {
			return spec, ErrInvalid.Say("%s is in the list twice.", m.Email).With("field", at+"email")
		}
		seen[m.Email] = true
		if m.Role == RoleOwner {
			owners++
		}
		members = append(members, m)
	}
	spec.Members = members
	if owners == 0 {
		return spec, ErrNeedsOwner.With("field", "members")
	}
	return spec, nil
}

// cleanMember checks a person; at is the path of their fields in an error.
func cleanMember(m MemberSpec, at string) (MemberSpec, error) {
	var err error
	if m.Email, err = normalEmail(m.Email); err != nil {
		return m, ErrInvalid.Say("This is not an email address.").With("field", at+"email")
	}
	if m.Name != "" {
		if m.Name, err = cleanName(m.Name, at+"name"); err != nil {
			return m, err
		}
	}
	switch m.Role {
	case RoleOwner, RoleBillingAdmin, RoleMember:
		return m, nil
	}
	return m, ErrInvalid.Say("A role is owner, billing_admin or member.").With("field", at+"role")
}

// cleanName makes a name safe to stand in our own sentences.
func cleanName(name, field string) (string, error) {
	name = cleanReason(name)
	if name == "" || utf8.RuneCountInString(name) > maxName {
		return "", ErrInvalid.Say("A name has 1 to %d characters that can be seen.", maxName).With("field", field)
	}
	return name, nil
}

func validOrgID(id string) bool {
	return id != "" && len(id) <= maxOrgID &&
		strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}

// SSO asks for a link that signs a person of the host in.
type SSO struct {
	OrgID, Email string
	// Role, if given, adds the person to the org or changes their role there.
	Role Role
	Name string
	Next string // a path of ours to go to; the caller has checked it
}

// SignInFor makes the link for the host's own user. It works once, for a
// minute, and signs in to exactly that org. Like every link it asks for a press:
// what fetches addresses ahead of people must not use it up.
//
// Errors: ErrForbidden; ErrNotFound for an unknown org; ErrUnknownMember;
// ErrLastOwner; ErrInvalid with the field.
func (s *Service) SignInFor(ctx context.Context, p Principal, o SSO) (url string, expires time.Time, err error) {
	if p.Kind != KindHost {
		return "", expires, ErrHostOnly
	}
	m := MemberSpec{Email: o.Email, Name: o.Name, Role: o.Role}
	if o.Role == "" {
		m.Role = RoleMember // only to check the rest; whoever is no member stays none
	}
	if m, err = cleanMember(m, ""); err != nil {
		return "", expires, err
	}
	m.Role = o.Role
	err = s.store.InTx(ctx, func(tx Tx) error {
		if err := tx.LockOrg(ctx, o.OrgID); err != nil {
			return err
		}
		user, err := s.admit(ctx, tx, p.Actor, o.OrgID, m)
		if err != nil {
			return err
		}
		url, expires, err = s.signInURL(ctx, tx, SignInLink{Email: m.Email, Next: o.Next, OrgID: o.OrgID}, ssoLife)
		if err != nil {
			return err
		}
		return s.audit(ctx, tx, o.OrgID, p.Actor, "signin.linked", user.ID, nil)
	})
	return url, expires, err
}

// admit finds the person in the org, or makes them one of its people if a role
// was given.
func (s *Service) admit(ctx context.Context, tx Tx, by Actor, orgID string, m MemberSpec) (User, error) {
	before, err := tx.Members(ctx, orgID)
	if err != nil {
		return User{}, err
	}
	old := find(before, m.Email)
	switch {
	case m.Role == "" && old == nil:
		return User{}, ErrUnknownMember
	case m.Role == "":
		m.Role = old.Role
	case old != nil && old.Role == RoleOwner && m.Role != RoleOwner && owners(before) == 1:
		return User{}, ErrLastOwner
	}
	return s.putMember(ctx, tx, by, orgID, m, before)
}

func owners(members []Membership) (n int) {
	for _, m := range members {
		if m.Role == RoleOwner {
			n++
		}
	}
	return n
}
