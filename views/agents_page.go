package views

// AgentsPage lists the agents of an org with their keys, and the reader's own
// tokens. It never holds a secret.
type AgentsPage struct {
	Frame  Frame
	Result *Panel   // what became of the last press
	New    *KeyForm // makes an agent; nil for who may only look
	Note   string   // why there is nothing to press
	Agents []AgentCard
	Empty  string      // words when there is no agent
	Gone   []AgentCard // revoked ones
	Tokens []KeyRow    // the reader's own
	Token  *Form       // makes one
}

// AgentCard is an agent with its keys.
type AgentCard struct {
	ID     string // of the element, unique on the page
	Name   string
	Chip   Chip
	Record string // "12 approved, 1 denied"
	Keys   []KeyRow
	Rename *Form // nil for who may only look, and for agents that are gone
	// Another makes a further key, to replace one.
	Another *KeyForm
}

// KeyRow is one key.
type KeyRow struct {
	Prefix  string // "csa_4fZk…"
	Can     string // "Reads and asks"
	Chip    Chip   // empty where the agent's says it
	By      string // who made it
	Made    Time
	Used    Time // zero: never
	Ended   Time // of a revoked key
	Actions []Action
}

// KeyForm asks for a name and what the key may do.
type KeyForm struct {
	Form    Form
	ID      string // prefix of the elements' ids
	Name    string // what was typed, when it is shown again
	Named   bool   // asks for a name
	Problem string // about the name
	Open    bool
	Button  string
}

// KeyShownPage shows a new key's secret, once.
type KeyShownPage struct {
	Frame   Frame
	Title   string // "Key for deploy-bot"
	Text    string
	Secret  string
	Example string // a line for a shell
}

// RevokePage asks before a key ends.
type RevokePage struct {
	Frame Frame
	Title string
	Text  []string
	Form  Form
}

// keyScopes is what a key can be made for.
func keyScopes() []Field { return []Field{{copyCanAsk, "ask"}, {copyCanRead, "read"}} }
