// Custom objects in the version a request asks for: the seam through which every verb, watch and the store see them.

import KubeModel
import KubeStore
package import KubeWire

/// Converts objects between versions of one kind; may ask a webhook.
protocol ObjectConversion: Sendable {
    /// The objects in their order, each in `version`. Metadata other than labels and annotations stays the original's.
    func convert(_ objects: [JSON], to version: String) async throws(StatusError) -> [JSON]
}

/// The versions of one CustomResourceDefinition at one of its revisions; shared by the definitions made from it.
package final class CustomVersions: Sendable {
    /// Objects of one request to a conversion webhook.
    static let conversionBatchMax: Int = 500

    /// By apiVersion, served or not.
    let schemas: [String: StructuralSchema]
    /// nil: strategy None, versions differ in apiVersion only.
    let conversion: (any ObjectConversion)?
    /// Names what was made from these schemas, so that a new schema makes it anew.
    let mark: String

    init(schemas: [String: StructuralSchema], conversion: (any ObjectConversion)?, mark: String) {
        self.schemas = schemas
        self.conversion = conversion
        self.mark = mark
    }

    /// The view's name in `StoredObject`.
    func view(_ apiVersion: String) -> String { apiVersion + " " + mark }

    /// A stored object with today's defaults, pruned, still in the version it was stored in.
    func read(_ stored: JSON) -> JSON { schemas[stored.apiVersion.text]?.read(stored) ?? stored }

    /// The same object when no webhook is to be asked.
    func relabelled(_ object: JSON, as apiVersion: String) -> JSON {
        guard object.apiVersion.text != apiVersion else { return object }
        var result: JSON = object
        result.apiVersion = .string(apiVersion)
        return schemas[apiVersion]?.read(result) ?? result
    }

    /// In `apiVersion`, from the cache or made. A webhook's answer must be there already (`Registry.prepare`); where
    /// nobody could wait for it (in-process watchers) the object is only relabelled.
    func served(_ stored: StoredObject, as apiVersion: String) -> JSON {
        stored.view(view(apiVersion)) {
            let result: JSON = relabelled(read(stored.object), as: apiVersion)
            return result == stored.object ? stored.object : result
        }
    }

    /// True when a webhook must be asked before `served` can tell.
    func isPending(_ stored: StoredObject, as apiVersion: String) -> Bool {
        conversion != nil && stored.object.apiVersion.text != apiVersion && !stored.hasView(view(apiVersion))
    }
}

extension ResourceDefinition {
    /// A stored object in this version.
    package func served(_ stored: StoredObject) -> JSON {
        versions.map { $0.served(stored, as: apiVersion) } ?? served(stored.object)
    }
    /// The bytes that lie in the store are just what clients of this version see.
    func isServedAsStored(_ stored: StoredObject) -> Bool {
        guard versions != nil else { return storage == gvk }
        return served(stored) == stored.object
    }
    /// Names encodings of this version's view.
    var viewName: String { versions?.view(apiVersion) ?? apiVersion }
}

extension Registry {
    /// A stored object in the definition's version, a webhook asked when needed.
    func seen(_ stored: StoredObject, _ definition: ResourceDefinition) async throws(StatusError) -> JSON {
        if definition.versions?.conversion != nil { try await prepare([stored], definition) }
        return definition.served(stored)
    }

    /// Asks the conversion webhook for all that are not in the definition's version yet, in batches.
    func prepare(
        _ objects: some Sequence<StoredObject>, _ definition: ResourceDefinition
    ) async throws(StatusError) {
        guard let versions = definition.versions, let conversion = versions.conversion else { return }
        let apiVersion: String = definition.apiVersion
        var rest: ArraySlice<StoredObject> = objects.filter { versions.isPending($0, as: apiVersion) }[...]
        while !rest.isEmpty {
            let batch: ArraySlice<StoredObject> = rest.prefix(CustomVersions.conversionBatchMax)
            rest = rest.dropFirst(batch.count)
            let converted: [JSON] = try await conversion.convert(
                batch.map { versions.read($0.object) }, to: apiVersion)
            for (stored, object) in zip(batch, converted) {
                let result: JSON = versions.schemas[apiVersion]?.read(object) ?? object
                _ = stored.view(versions.view(apiVersion)) { result }
            }
        }
    }

    /// An object of the definition's version as it is to be stored.
    func toStorage(_ served: JSON, _ definition: ResourceDefinition) async throws(StatusError) -> JSON {
        guard let versions = definition.versions else { return definition.stored(served) }
        let target: String = definition.storage.groupVersion.description
        guard served.apiVersion.text != target else { return served }
        guard let conversion = versions.conversion else { return versions.relabelled(served, as: target) }
        let converted: JSON = try await conversion.convert([served], to: target)[0]
        return versions.schemas[target]?.read(converted) ?? converted
    }
}
