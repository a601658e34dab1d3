// Secrets: stringData joins data, types ask for their keys.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

struct SecretStrategy: Strategy {
    func prepareForCreate(_ o: inout JSON, _ context: RequestContext) { Self.fold(&o) }
    func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {
        Self.fold(&new)
        if new.type.text.isEmpty { new.type = old.type }
    }

    /// stringData is write-only: it is encoded into data.
    private static func fold(_ o: inout JSON) {
        for (key, value) in o.stringData.stringMap.sorted(by: { $0.key < $1.key }) {
            o.data[key] = .string(Base64.encode(Array(value.utf8)))
        }
        o.stringData = .null
    }

    func validate(_ o: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        KeyedData.keys(o.data, at: "data", &out)
        if KeyedData.decodedSize(o.data) > KeyedData.sizeMax { out.tooLong("data", maxLength: KeyedData.sizeMax) }
        func required(_ keys: String...) {
            for key in keys where o.data.fields[key] == nil { out.required("data[\(key)]") }
        }
        func json(_ key: String) {
            guard o.data.fields[key] != nil else { return out.required("data[\(key)]") }
            let bytes: [UInt8] = Base64.decode(o.data[key].text) ?? []
            if (try? JSON.parse(bytes)) == nil {
                out.invalid("data[\(key)]", "<secret contents redacted>", "invalid character in JSON")
            }
        }
        switch o.type.text {
        case "kubernetes.io/service-account-token":
            if o.metadata.annotations["kubernetes.io/service-account.name"].text.isEmpty {
                out.required("metadata.annotations[kubernetes.io/service-account.name]")
            }
        case "kubernetes.io/dockercfg": json(".dockercfg")
        case "kubernetes.io/dockerconfigjson": json(".dockerconfigjson")
        case "kubernetes.io/basic-auth":
            if o.data.fields["username"] == nil, o.data.fields["password"] == nil {
                out.required("data[username]")
                out.required("data[password]")
            }
        case "kubernetes.io/ssh-auth":
            if o.data["ssh-privatekey"].text.isEmpty { out.required("data[ssh-privatekey]") }
        case "kubernetes.io/tls": required("tls.crt", "tls.key")
        default: break
        }
        return out.list
    }

    func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        out.immutable("type", new.type, old.type)
        KeyedData.immutability(new, old, fields: ["data"], &out)
        out.append(validate(new, context))
        return out.list
    }
}

enum Secrets {
    static let entry: Entry = Entry(API.secrets, SecretStrategy())
}
