// Fresh identifiers of objects.

import KubeBase

func newUID() -> String { Identifier.uid() }
func randomSuffix() -> String { Identifier.suffix(5) }
