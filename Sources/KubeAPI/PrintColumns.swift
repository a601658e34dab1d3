// The server's Table: printcolumns.json's columns over objects.

package import KubeBase
package import KubeModel
package import KubeWire

/// What a row carries besides its cells.
package enum IncludeObject: String, Sendable {
    case none = "None"
    case metadata = "Metadata"
    case object = "Object"
}

/// The columns a resource shows in a Table.
package struct PrintColumns: Sendable {
    struct Column: Sendable {
        var name: String
        var type: String
        var format: String
        var priority: Int
        var path: [String]
        var how: String
        /// Shown when the value is absent; `nil`: an empty text, or 0 and false for such types.
        var none: String?
        var jsonPath: JSONPath?
        var description: String
    }

    private var columns: [Column]
    private var resource: GroupResource
    private var ordersByPrecedence: Bool = false
    private var marksFinished: Bool = false

    private init(columns: [Column], resource: GroupResource) {
        self.columns = columns
        self.resource = resource
    }

    package static func builtIn(_ resource: GroupResource) -> PrintColumns {
        table.byResource[resource] ?? PrintColumns(columns: table.other, resource: resource)
    }

    /// From `spec.versions[].additionalPrinterColumns` of a CustomResourceDefinition; absent: Name and Age.
    package static func custom(_ additionalPrinterColumns: JSON) -> PrintColumns {
        var columns: [Column] = [column(["name": "Name", "type": "string", "format": "name", "path": "metadata.name"])]
        if additionalPrinterColumns.elements.isEmpty {
            columns.append(
                column(["name": "Age", "type": "date", "path": "metadata.creationTimestamp", "how": "custom"]))
            columns[1].jsonPath = JSONPath(relaxed: ".metadata.creationTimestamp")
        }
        for c in additionalPrinterColumns.elements {
            var column: Column = PrintColumns.column(c)
            column.how = "custom"
            column.jsonPath = JSONPath(relaxed: c.jsonPath.text)
            column.description = c["description"].text
            columns.append(column)
        }
        return PrintColumns(columns: columns, resource: GroupResource(group: "", resource: ""))
    }

    /// Of metrics.k8s.io, as metrics-server prints them: what a node uses, or all containers of a pod together.
    package static func usage(_ resource: GroupResource) -> PrintColumns {
        let records: [JSON] = [
            ["name": "Name", "type": "string", "format": "name", "path": "metadata.name"],
            ["name": "cpu", "type": "string", "how": "used cpu"],
            ["name": "memory", "type": "string", "how": "used memory"],
            ["name": "Window", "type": "string", "format": "duration", "path": "window"],
        ]
        return PrintColumns(columns: records.map { column($0) }, resource: resource)
    }

    private static func column(_ record: JSON) -> Column {
        Column(
            name: record.name.text, type: record.type.text, format: record.format.text,
            priority: record.priority.asInt ?? 0, path: record.path.text.split(separator: ".").map { String($0) },
            how: record.how.text, none: record["none"].asString, jsonPath: nil, description: "")
    }

    private static let table: (byResource: [GroupResource: PrintColumns], other: [Column]) = {
        let json: JSON = BuiltIn.parse(Tables.printcolumns)
        var out: [GroupResource: PrintColumns] = [:]
        for r in json.resources.elements {
            let resource: GroupResource = GroupResource(group: r.group.text, resource: r.plural.text)
            var columns: PrintColumns = PrintColumns(columns: r.columns.elements.map { column($0) }, resource: resource)
            columns.ordersByPrecedence = r.listOrder.exists
            columns.marksFinished = r.rowConditions.exists
            out[resource] = columns
        }
        return (out, json.defaultTable.elements.map { column($0) })
    }()

    /// A meta.k8s.io/v1 Table; every row carries all columns, those with priority 1 are for wide output. `listMeta` is
    /// copied into `metadata` (resourceVersion, continue).
    package func table(
        _ objects: [JSON], listMeta: JSON = [:], include: IncludeObject = .metadata, now: Timestamp,
        version: String = "v1"
    ) -> JSON {
        var rows: [JSON] = []
        rows.reserveCapacity(objects.count)
        let ordered: [JSON] = ordersByPrecedence ? objects.sorted { rank($0) < rank($1) } : objects
        for object in ordered {
            let cells: [JSON] = columns.map { cell($0, object, now) }
            var pairs: [(key: String, value: JSON)] = [("cells", .array(cells))]
            let phase: String = marksFinished ? object.status.phase.text : ""
            if phase == "Succeeded" || phase == "Failed" {
                pairs.append(
                    ("conditions", [["type": "Completed", "status": "True", "reason": .string(phase)]]))
            }
            switch include {
            case .none: break
            case .metadata: pairs.append(("object", PrintColumns.partial(object)))
            case .object: pairs.append(("object", object))
            }
            if include == .none { pairs.append(("object", .null)) }
            rows.append(.object(JSONObject(unique: pairs)))
        }
        return .object(
            JSONObject(unique: [
                ("kind", "Table"), ("apiVersion", .string("meta.k8s.io/" + version)),
                ("metadata", listMeta.exists ? listMeta : [:]),
                ("columnDefinitions", .array(columns.map { definition($0) })), ("rows", .array(rows)),
            ]))
    }

    /// PartialObjectMetadata of an object.
    package static func partial(_ object: JSON) -> JSON {
        .object(
            JSONObject(unique: [
                ("kind", "PartialObjectMetadata"), ("apiVersion", "meta.k8s.io/v1"), ("metadata", object.metadata),
            ]))
    }

    private func rank(_ o: JSON) -> (Int, String) { (o.spec.matchingPrecedence.asInt ?? 0, o.metadata.name.text) }

    private func definition(_ c: Column) -> JSON {
        .object(
            JSONObject(unique: [
                ("name", .string(c.name)), ("type", .string(c.type)), ("format", .string(c.format)),
                ("description", .string(c.description)), ("priority", JSON(c.priority)),
            ]))
    }

    // MARK: cells

    private func cell(_ c: Column, _ object: JSON, _ now: Timestamp) -> JSON {
        if c.how == "custom" { return custom(c, object, now) }
        let value: JSON = c.path.isEmpty ? .null : object.at(c.path)
        if c.how.isEmpty { return plain(c, value) }
        let text: String? = CellRules.cell(c.how, value: value, object: object, resource: resource, now: now)
        switch text {
        case .none: return absent(c)
        case .some(let t) where c.type == "integer" || c.how.hasPrefix("number of"):
            return Int64(t).map { .int($0) } ?? .string(t)
        case .some(let t): return .string(t)
        }
    }

    private func plain(_ c: Column, _ value: JSON) -> JSON {
        switch value {
        case .null: return absent(c)
        case .string(let s): return s.isEmpty ? absent(c) : value
        case .int, .double: return value
        case .bool: return c.type == "string" || c.none != nil ? .string(value.description) : value
        default: return .string(value.description)
        }
    }

    private func absent(_ c: Column) -> JSON {
        if let none = c.none { return .string(none) }
        switch c.type {
        case "integer": return 0
        case "boolean": return false
        default:
            let counts: Set<String> = ["updatedReplicas", "availableReplicas", "currentReplicas"]
            return counts.contains(c.path.last ?? "") ? 0 : ""
        }
    }

    private func custom(_ c: Column, _ object: JSON, _ now: Timestamp) -> JSON {
        guard let found = c.jsonPath?.values(in: object).first, found.exists else { return .null }
        switch c.type {
        case "date": return .string(HumanDuration.age(found.asString, now: now))
        case "integer": return found.asInt64.map { .int($0) } ?? .null
        case "number": return found.asDouble.map { .double($0) } ?? .null
        case "boolean": return found.asBool.map { .bool($0) } ?? .null
        default: return .string(found.asString ?? found.description)
        }
    }
}
