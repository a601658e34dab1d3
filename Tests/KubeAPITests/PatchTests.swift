// The three kinds of patch.

import KubeAPI
import KubeModel
import KubeWire
import Testing

@Suite struct PatchTests {
    @Test(arguments: [
        (#"[{"op":"add","path":"/a/b","value":1}]"#, #"{"a":{}}"#, #"{"a":{"b":1}}"#),
        (#"[{"op":"add","path":"/l/-","value":3}]"#, #"{"l":[1,2]}"#, #"{"l":[1,2,3]}"#),
        (#"[{"op":"add","path":"/l/0","value":3}]"#, #"{"l":[1,2]}"#, #"{"l":[3,1,2]}"#),
        (#"[{"op":"remove","path":"/l/1"}]"#, #"{"l":[1,2]}"#, #"{"l":[1]}"#),
        (#"[{"op":"replace","path":"/a~1b","value":2}]"#, #"{"a/b":1}"#, #"{"a/b":2}"#),
        (#"[{"op":"move","from":"/a","path":"/b"}]"#, #"{"a":1}"#, #"{"b":1}"#),
        (#"[{"op":"copy","from":"/a","path":"/b"}]"#, #"{"a":1}"#, #"{"a":1,"b":1}"#),
        (#"[{"op":"test","path":"/a","value":1},{"op":"remove","path":"/a"}]"#, #"{"a":1}"#, "{}"),
    ])
    func json(_ patch: String, _ object: String, _ result: String) throws {
        #expect(try Patch.json(try JSON.parse(patch), to: try JSON.parse(object)) == (try JSON.parse(result)))
    }

    @Test(arguments: [
        #"[{"op":"remove","path":"/x"}]"#, #"[{"op":"replace","path":"/x","value":1}]"#,
        #"[{"op":"test","path":"/a","value":2}]"#, #"[{"op":"add","path":"/x/y","value":1}]"#,
        #"[{"op":"add","path":"/l/9","value":1}]"#,
    ])
    func jsonRefuses(_ patch: String) throws {
        let p: JSON = try JSON.parse(patch)
        let error: StatusError? = #expect(throws: StatusError.self) { try Patch.json(p, to: ["a": 1, "l": [1]]) }
        #expect(error?.code == 422)
    }

    @Test func merge() throws {
        let out: JSON = Patch.merge(
            try JSON.parse(#"{"a":null,"b":{"c":null,"d":{"e":null}},"l":[1]}"#),
            to: ["a": 1, "b": ["c": 1, "x": 2], "l": [2, 3]])
        #expect(out == ["b": ["x": 2, "d": [:]], "l": [1]])
    }

    private func strategic(_ patch: String, _ object: JSON, _ type: String = "core/v1.Pod") throws -> JSON {
        try Patch.strategicMerge(try JSON.parse(patch), to: object, schema: BuiltIn.schema, type: type)
    }
    private func names(_ pod: JSON) -> [String] { pod.spec.containers.elements.map { $0.name.text } }

    @Test func strategicLists() throws {
        let pod: JSON = ["spec": ["containers": [["name": "a", "image": "1", "args": ["x"]], ["name": "b"]]]]
        let changed: JSON = try strategic(#"{"spec":{"containers":[{"name":"a","image":"2","args":["y"]}]}}"#, pod)
        #expect(changed.spec.containers[0] == ["name": "a", "image": "2", "args": ["y"]])
        #expect(names(changed) == ["a", "b"])
        #expect(names(try strategic(#"{"spec":{"containers":[{"name":"c"}]}}"#, pod)) == ["c", "a", "b"])
        #expect(names(try strategic(#"{"spec":{"containers":[{"name":"a","$patch":"delete"}]}}"#, pod)) == ["b"])
        #expect(names(try strategic(#"{"spec":{"containers":[{"name":"z"},{"$patch":"replace"}]}}"#, pod)) == ["z"])
        #expect(
            names(
                try strategic(
                    #"{"spec":{"$setElementOrder/containers":[{"name":"b"},{"name":"c"},{"name":"a"}],"containers":[{"name":"c"}]}}"#,
                    pod)) == ["b", "c", "a"])
    }

    @Test func strategicDirectives() throws {
        let object: JSON = ["metadata": ["finalizers": ["a", "b"], "labels": ["x": "1", "y": "2"]]]
        #expect(
            try strategic(#"{"metadata":{"$deleteFromPrimitiveList/finalizers":["a"],"labels":{"x":null}}}"#, object)
                == ["metadata": ["finalizers": ["b"], "labels": ["y": "2"]]])
        #expect(
            try strategic(#"{"metadata":{"finalizers":["c"]}}"#, object).metadata.finalizers.strings.sorted() == [
                "a", "b", "c",
            ])
        #expect(
            try strategic(#"{"metadata":{"labels":{"$patch":"replace","z":"3"}}}"#, object).metadata.labels == [
                "z": "3"
            ])
        let d: JSON = ["spec": ["strategy": ["type": "RollingUpdate", "rollingUpdate": ["maxSurge": 1]]]]
        #expect(
            try strategic(
                #"{"spec":{"strategy":{"$retainKeys":["type"],"type":"Recreate"}}}"#, d, "apps/v1.Deployment"
            ).spec.strategy == ["type": "Recreate"])
        #expect(throws: StatusError.self) {
            try strategic(#"{"spec":{"containers":[{"image":"x"}]}}"#, ["spec": ["containers": []]])
        }
    }
}
