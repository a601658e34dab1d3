// Conversion between versions by a webhook: apiextensions.k8s.io/v1 ConversionReview.

import KubeBase
import KubeModel
import KubeWire

struct ConversionWebhook: ObjectConversion {
    static let timeoutSeconds: Int = 30

    let kind: String
    let configuration: ClientConfiguration
    /// `v1` or `v1beta1`: the first of conversionReviewVersions that we speak.
    let reviewVersion: String
    let outbound: Outbound
    let registry: any ObjectRegistry

    /// nil when the definition's strategy is not Webhook or nothing in it can be asked.
    init?(_ crd: JSON, outbound: Outbound, registry: any ObjectRegistry) {
        let conversion: JSON = crd.spec.conversion
        guard conversion.strategy == "Webhook",
            let configuration = ClientConfiguration(webhook: conversion.webhook.clientConfig)
        else { return nil }
        kind = crd.spec.names.kind.text
        self.configuration = configuration
        let spoken: [String] = conversion.webhook.conversionReviewVersions.strings
        reviewVersion = spoken.first { $0 == "v1" || $0 == "v1beta1" } ?? "v1"
        self.outbound = outbound
        self.registry = registry
    }

    func convert(_ objects: [JSON], to version: String) async throws(StatusError) -> [JSON] {
        guard let first = objects.first else { return [] }
        let uid: String = Identifier.uid()
        let review: JSON = [
            "kind": "ConversionReview", "apiVersion": .string("apiextensions.k8s.io/\(reviewVersion)"),
            "request": [
                "uid": .string(uid), "desiredAPIVersion": .string(version), "objects": .array(objects),
            ],
        ]
        let from: GroupVersionKind = GroupVersionKind(of: first)
        func failure(_ verb: String) -> StatusError {
            .internalErrorPlain("conversion webhook for \(from.group)/\(from.version), Kind=\(kind) \(verb)")
        }
        let answer: JSON
        do throws(OutboundError) {
            answer = try await outbound.post(
                review, to: configuration, timeout: .seconds(ConversionWebhook.timeoutSeconds), showsTimeout: true,
                registry: registry)
        } catch {
            throw failure("failed: \(error)")
        }
        if let why = refusal(answer, uid) { throw failure("failed: \(why)") }
        let converted: [JSON] = answer.response.convertedObjects.elements
        guard converted.count == objects.count else {
            throw failure("returned \(converted.count) objects, expected \(objects.count)")
        }
        var out: [JSON] = []
        for (i, (original, new)) in zip(objects, converted).enumerated() {
            switch ConvertedObject.checked(original, new, version: version) {
            case .success(let object): out.append(object)
            case .failure(let fault):
                throw failure(
                    "returned invalid \(fault.isMetadata ? "metadata in" : "converted") object at index \(i): "
                        + fault.text
                )
            }
        }
        return out
    }

    private func refusal(_ answer: JSON, _ uid: String) -> String? {
        let got: GroupVersionKind = GroupVersionKind(of: answer)
        if got.kind != "ConversionReview" || got.group != "apiextensions.k8s.io" || got.version != reviewVersion {
            return "expected webhook response of apiextensions.k8s.io/\(reviewVersion), Kind=ConversionReview, got "
                + "\(got.group.isEmpty ? "" : got.group)/\(got.version), Kind=\(got.kind)"
        }
        let response: JSON = answer.response
        if !response.exists { return "no response provided" }
        if reviewVersion == "v1", response.uid.text != uid {
            return "expected response.uid=\"\(uid)\", got \"\(response.uid.text)\""
        }
        if response.result.status != "Success" {
            let message: String = response.result.message.text
            return message.isEmpty
                ? "response.result.status was '\(response.result.status.text)', not 'Success'" : message
        }
        return nil
    }
}

/// What a converter gave back, held against what it was given.
enum ConvertedObject {
    struct Fault: Error {
        var text: String
        var isMetadata: Bool = false
    }

    /// The new object with the original's metadata, but for labels and annotations.
    static func checked(_ original: JSON, _ new: JSON, version: String) -> Result<JSON, Fault> {
        if new.apiVersion.text != version {
            return .failure(
                Fault(text: "invalid groupVersion (expected \(version), received \(new.apiVersion.text))"))
        }
        if new.kind != original.kind {
            return .failure(
                Fault(text: "invalid kind (expected \(original.kind.text), received \(new.kind.text))"))
        }
        for (field, shown) in [("name", "name"), ("namespace", "namespace"), ("uid", "UID")] {
            let (a, b): (String, String) = (original.metadata[field].text, new.metadata[field].text)
            if a != b { return .failure(Fault(text: "must have the same \(shown): \(a) != \(b)")) }
        }
        guard new.fields["metadata"] != nil else {
            return .failure(Fault(text: "missing metadata in converted object", isMetadata: true))
        }
        var result: JSON = new
        var metadata: JSON = original.metadata
        for field in ["labels", "annotations"] {
            let given: JSON = new.metadata[field]
            guard given.exists else {
                metadata[field] = .null
                continue
            }
            for (key, value) in given.fields where value.asString == nil {
                return .failure(
                    Fault(
                        text:
                            "metadata.\(field)[\(key)] must be a string, but is \(value.typeName) in converted object",
                        isMetadata: true))
            }
            metadata[field] = given
        }
        let faults: [FieldError] =
            metadata.labels == original.metadata.labels
            ? [] : MetadataValidation.labels(metadata.labels, "metadata.labels")
        if let fault = faults.first { return .failure(Fault(text: fault.description, isMetadata: true)) }
        result.metadata = metadata
        return .success(result)
    }
}

extension StatusError {
    /// 500 without a prefix: as errors that are no API errors reach the client.
    static func internalErrorPlain(_ message: String) -> StatusError {
        StatusError(code: 500, reason: "", message: message)
    }
}

extension Registry {
    /// How the objects of a definition get from one version to another; nil: by their apiVersion alone.
    func conversion(of crd: JSON) -> (any ObjectConversion)? {
        ConversionWebhook(crd, outbound: outbound, registry: self)
    }
}
