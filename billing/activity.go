package billing

import (
	"context"
	"slices"
	"time"
)

// ActorGroup is who did something, as people tell them apart.
type ActorGroup string

// The groups. A system is Countersign itself, or Stripe.
const (
	GroupPerson   ActorGroup = "person"
	GroupAgent    ActorGroup = "agent"
	GroupHost     ActorGroup = "host"
	GroupOperator ActorGroup = "operator"
	GroupSystem   ActorGroup = "system"
)

// ActorGroups are all of them.
func ActorGroups() []ActorGroup {
	return []ActorGroup{GroupPerson, GroupAgent, GroupHost, GroupOperator, GroupSystem}
}

// Kinds are the kinds of actors in the group, two at most; none for no group.
func (g ActorGroup) Kinds() []PrincipalKind {
	switch g {
	case GroupPerson:
		return []PrincipalKind{KindHuman, KindMember}
	case "":
		return nil
	}
	return []PrincipalKind{PrincipalKind(g)}
}

// Group is the one that the actor belongs to.
func (a Actor) Group() ActorGroup {
	if a.Kind == KindHuman || a.Kind == KindMember {
		return GroupPerson
	}
	return ActorGroup(a.Kind)
}

// ActivityFilter selects from an org's audit log. Zero fields select all.
type ActivityFilter struct {
	Group  ActorGroup
	Before string // id of the last one seen; newest first
	Limit  int
}

// ErrNoActivity refuses somebody who may look at the bill, and no further.
var ErrNoActivity = ErrForbidden.Say("The activity of an organisation is for its owners and billing admins.")

// Activity lists what happened in the caller's org and who did it, newest first.
//
// Errors: ErrNoActivity unless the caller is an owner or a billing admin;
// ErrInvalid for an unknown group.
func (s *Service) Activity(ctx context.Context, p Principal, f ActivityFilter) ([]AuditEvent, error) {
	if !p.CanManage() {
		return nil, ErrNoActivity
	}
	if f.Group != "" && !slices.Contains(ActorGroups(), f.Group) {
		return nil, ErrInvalid.With("field", "by")
	}
	return s.store.Activity(ctx, p.OrgID, f)
}

// AuditEvents are the names of everything that the audit log tells of.
func AuditEvents() []string {
	return []string{
		"agent.created", "agent.renamed", "approval.approved", "approval.canceled", "approval.denied", "approval.expired",
		"approval.invalidated", "approval.requested", "approval.superseded", EventUnitsInForce,
		"change.done", "change.failed", "change.needs_review", "change.refused", "change.requested", EventCustomerReleased, EventDrift, "key.issued", "key.paused", "key.resumed", "key.revoked",
		"limit.declined", "limit.granted", "limit.requested", "member.added", "member.removed", "member.renamed",
		"member.role_changed", "org.admin_override", "org.created", "org.design_partner", "org.moved", "org.renamed", EventSynced,
		"override.ended", "override.set", EventPlanInForce, "review.looked", "signin.linked", EventStatus, "token.issued",
		"token.revoked", "webhook.replayed",
	}
}

// TeamMember is a member, and when they were last here.
type TeamMember struct {
	Membership
	// SeenAt is zero for those whose sessions have ended and were deleted since, and
	// for callers who do not manage the org.
	SeenAt time.Time
}

// Team lists the people of the caller's org, owners first. Who is in it and with
// which role is the host application's to say: see PutOrg.
//
// Errors: ErrForbidden unless the caller is one of them.
func (s *Service) Team(ctx context.Context, p Principal) ([]TeamMember, error) {
	if p.Kind != KindHuman && p.Kind != KindMember {
		return nil, ErrForbidden
	}
	team, err := s.store.Team(ctx, p.OrgID)
	if !p.CanManage() {
		for i := range team {
			team[i].SeenAt = time.Time{}
		}
	}
	return team, err
}
