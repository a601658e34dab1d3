// Every command, in the order of the help text.

enum Catalogue {
    static let commands: [Command] = [
        Create.command, Expose.command, Autoscale.command, Run.command, SetCommand.command, Explain.command, Get.command,
        Events.command, Edit.command, Delete.command, Rollout.command, Scale.command, Certificate.command, Top.command,
        Drain.cordon, Drain.uncordon, Drain.drain, Drain.taint, Describe.command, Logs.command, Exec.attach, Exec.command,
        PortForward.command, Proxy.command, Copy.command, Debug.command, Auth.command, Diff.command, Apply.command,
        PatchCommand.command, PatchCommand.replace, Wait.command, Label.label, Label.annotate, APIResources.command,
        APIResources.versions, ClusterFacts.clusterInfo, ClusterFacts.version, Config.command,
        Bench.command,
    ]
}
