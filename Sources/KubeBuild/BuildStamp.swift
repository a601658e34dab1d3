// Which commit this program was built from; the plugin BuildStamp writes the values.

/// What `/version` and `apus version` say of the build.
package enum BuildStamp {
    /// 40 hex digits; empty when built outside a git repository.
    package static var commit: String { GeneratedStamp.commit }
    /// `clean` or `dirty`, as Kubernetes' gitTreeState.
    package static var treeState: String { GeneratedStamp.state }
    /// Of the commit, not of the compilation, so that equal sources give equal programs. RFC 3339.
    package static var date: String { GeneratedStamp.when }
}
