// Which parts of an apply configuration would replace something whole: mutating policies may not do that (KEP-3962).

package import KubeWire

extension ServerSideApply {
    /// Paths such as `.spec.template.spec.nodeSelector` of atomic lists, maps and structs that the configuration sets.
    package func atomicPaths(in configuration: JSON) -> [String] {
        var out: [String] = []
        AtomicPaths.walk(configuration, tree.shapes, root, "", &out)
        return out
    }
}

private enum AtomicPaths {
    static func walk(_ value: JSON, _ shapes: MergeShapes, _ shape: MergeShape, _ path: String, _ out: inout [String]) {
        switch value {
        case .object(let members):
            if shape.isAtomic { return out.append(path) }
            for (key, member) in members {
                walk(member, shapes, shapes.member(key, of: shape).shape, path + "." + key, &out)
            }
        case .array(let elements):
            guard case .list = shape.kind, !shape.isAtomic else { return out.append(path) }
            let element: MergeShape = shapes.element(of: shape)
            for (i, e) in elements.enumerated() {
                let name: String = shapes.pathElement(e, of: shape).map { String($0.dropFirst(2)) } ?? "\(i)"
                walk(e, shapes, element, "\(path)[\(name)]", &out)
            }
        default: break
        }
    }
}
