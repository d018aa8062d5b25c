package lvscf

// Block is a block of a document, with the values of its keys as Get returns them.
type Block struct {
	Path   Path
	Values map[string]string
}

// Blocks returns all blocks in the order of the text, the global part first, and real servers behind their service.
func (d *Document) Blocks() ([]Block, error) {
	o, err := d.outline()
	if err != nil {
		return nil, err
	}
	list := make([]Block, len(o.blocks))
	for i := range o.blocks {
		if list[i].Values == nil {
			list[i].Values = map[string]string{}
		}
		seen := map[Path]int{} // how many inner blocks of that kind and name there were
		for _, child := range o.blocks[i].children {
			p := list[i].Path.child(o.blocks[child].scope, o.blocks[child].name.value(o.text))
			list[child].Path = p.numbered(seen[p])
			seen[p]++
		}
	}
	for _, a := range o.assigns { // the last one counts
		var st statement
		if st.parse(o.text, a.line) {
			list[a.block].Values[keys[a.key].Name] = o.value(&st, a.key)
		}
	}
	return list, nil
}

// child addresses the first block of a kind and name in the block p addresses.
func (p Path) child(scope Scope, name string) Path {
	switch scope {
	case InServer:
		p.Server = Ref{Name: name}
	case InVirtual:
		p.Virtual = Ref{Name: name}
	default:
		p.Failover = Ref{Name: name}
	}
	return p
}

// numbered addresses the nth block of the name that p has.
func (p Path) numbered(n int) Path {
	switch p.scope() {
	case InServer:
		p.Server.N = n
	case InVirtual:
		p.Virtual.N = n
	case InFailover:
		p.Failover.N = n
	}
	return p
}
