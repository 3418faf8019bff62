package billing

import (
	"hash/maphash"
	"sync"
)

// cache keeps at most so many values. What is dropped while it is being read
// anew does not come back: a value is kept only if nothing was dropped since its
// reading began.
type cache[K comparable, V any] struct {
	mu   sync.Mutex
	most int
	kept map[K]V
	seed maphash.Seed
	// drops counts, for a share of the keys each, how often one was dropped.
	drops [256]uint64
}

func newCache[K comparable, V any](most int) *cache[K, V] {
	return &cache[K, V]{most: most, kept: map[K]V{}, seed: maphash.MakeSeed()}
}

func (c *cache[K, V]) share(k K) *uint64 {
	return &c.drops[maphash.Comparable(c.seed, k)%uint64(len(c.drops))]
}

func (c *cache[K, V]) get(k K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.kept[k]
	return v, ok
}

// begin is called before a value is read; what it returns goes to put.
func (c *cache[K, V]) begin(k K) (mark uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return *c.share(k)
}

// put keeps the value, in the place of any other if there is no room.
func (c *cache[K, V]) put(k K, v V, mark uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if *c.share(k) != mark {
		return
	}
	if _, there := c.kept[k]; !there && len(c.kept) >= c.most {
		for other := range c.kept {
			delete(c.kept, other)
			break
		}
	}
	c.kept[k] = v
}

// outdate is for a value that is still good for something: it stays, and what is
// being read anew is not kept.
func (c *cache[K, V]) outdate(k K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*c.share(k)++
	v, ok := c.kept[k]
	return v, ok
}

func (c *cache[K, V]) drop(k K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*c.share(k)++
	delete(c.kept, k)
}

func (c *cache[K, V]) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.drops {
		c.drops[i]++
	}
	clear(c.kept)
}
