"""Container images without the internet: each holds a program of a Debian package, its libraries and busybox.

Written as docker-archives (for `apus image import`) and pushed through the registry's HTTP API v2, under the names that
the public ones have, so that manifests of tutorials work unchanged: `nginx` is found as `library/nginx` by the mirror.
"""
import argparse, gzip, hashlib, http.client, io, json, os, re, shutil, subprocess, sys, tarfile

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
# Every applet of Debian's busybox-static; those that only serve a booting machine do no harm.
APPLETS = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True).stdout.split()


class Layer:
    """A tar with fixed times and owners: the same content gives the same digest."""

    def __init__(self):
        self.buffer = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.buffer, mode="w", format=tarfile.GNU_FORMAT)
        self.seen = set()

    def _add(self, path, info, data=None):
        path = path.lstrip("/")
        if path in self.seen:
            return
        parent = os.path.dirname(path)
        if parent:
            self.folder(parent)
        self.seen.add(path)
        info.name, info.mtime = path, 0
        self.tar.addfile(info, io.BytesIO(data) if data is not None else None)

    def folder(self, path, mode=0o755, uid=0):
        info = tarfile.TarInfo()
        info.type, info.mode, info.uid = tarfile.DIRTYPE, mode, uid
        self._add(path, info)

    def file(self, path, data, mode=0o644):
        info = tarfile.TarInfo()
        data = data.encode() if isinstance(data, str) else data
        info.size, info.mode = len(data), mode
        self._add(path, info, data)

    def link(self, path, target):
        info = tarfile.TarInfo()
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
        self._add(path, info)

    def copy(self, source, path=None, mode=None):
        with open(source, "rb") as f:
            self.file(path or source, f.read(), mode or (os.stat(source).st_mode & 0o777))

    def program(self, source, path=None):
        """A program and the libraries that the loader names, each at its own place."""
        real = os.path.realpath(source)
        self.copy(real, path or source, 0o755)
        listed = subprocess.run(["ldd", real], capture_output=True, text=True).stdout
        for library in re.findall(r"(?:=> )?(/\S+) \(0x", listed):
            self.copy(os.path.realpath(library), library, 0o755)

    def bytes(self):
        self.tar.close()
        return self.buffer.getvalue()


def find(*names):
    for name in names:
        path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin:/sbin:/bin")
        if path:
            return path
    sys.exit("images: %s is not installed; run scripts/install.sh" % names[0])


def base():
    layer = Layer()
    layer.copy(os.path.realpath(find("busybox")), "bin/busybox", 0o755)
    for applet in APPLETS:
        layer.link("bin/" + applet, "busybox")
    layer.file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/bin/sh\n"
               "redis:x:999:999:redis:/data:/bin/sh\nnode:x:1000:1000:node:/home/node:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n")
    layer.file("etc/group", "root:x:0:\nwww-data:x:33:\nredis:x:999:\nnode:x:1000:\nnogroup:x:65534:\n")
    layer.file("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
    layer.folder("tmp", 0o1777)
    for folder in ("root", "var/tmp", "run", "proc", "sys", "dev", "home/node"):
        layer.folder(folder)
    return layer.bytes()


def glibc_names(layer):
    """What the C library opens by itself for users and host names."""
    for name in ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"):
        for folder in ("/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu"):
            if os.path.exists(f"{folder}/{name}"):
                layer.copy(os.path.realpath(f"{folder}/{name}"), f"{folder}/{name}", 0o755)


def nginx(version):
    layer = Layer()
    layer.program(find("nginx"), "/usr/sbin/nginx")
    glibc_names(layer)
    layer.copy("/etc/nginx/mime.types")
    layer.file("etc/nginx/nginx.conf", """worker_processes 1;
error_log /dev/stderr notice;
pid /run/nginx.pid;
events { worker_connections 1024; }
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /dev/stdout;
    include /etc/nginx/conf.d/*.conf;
}
""")
    layer.file("etc/nginx/conf.d/default.conf", """server {
    listen 80;
    server_name localhost;
    add_header X-Version "%s";
    location / { root /usr/share/nginx/html; index index.html; }
}
""" % version)
    layer.file("usr/share/nginx/html/index.html", "<!DOCTYPE html>\n<html>\n<head><title>Welcome to nginx!</title></head>\n"
               "<body>\n<h1>Welcome to nginx!</h1>\n<p>version %s</p>\n</body>\n</html>\n" % version)
    for folder in ("var/lib/nginx", "var/log/nginx", "var/cache/nginx"):
        layer.folder(folder, 0o755, 33)
    layer.file("var/log/nginx/.keep", "")
    return [layer.bytes()], {"Cmd": ["nginx", "-g", "daemon off;"], "ExposedPorts": {"80/tcp": {}}, "StopSignal": "SIGQUIT"}


def redis():
    layer = Layer()
    layer.program(find("redis-server"), "/usr/bin/redis-server")
    layer.program(find("redis-cli"), "/usr/bin/redis-cli")
    glibc_names(layer)
    layer.folder("data", 0o777)
    return [layer.bytes()], {"Cmd": ["redis-server", "--protected-mode", "no"], "WorkingDir": "/data", "ExposedPorts": {"6379/tcp": {}}}


def node():
    layer = Layer()
    layer.program(find("node", "nodejs"), "/usr/bin/node")
    glibc_names(layer)
    return [layer.bytes()], {"Cmd": ["node"], "WorkingDir": "/home/node"}


def web(version):
    """The smallest web server with a version to see: busybox's httpd."""
    layer = Layer()
    layer.file("www/index.html", "web %s\n" % version)
    layer.file("www/cgi-bin/pod", "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\nhostname\n", 0o755)
    return [layer.bytes()], {"Cmd": ["httpd", "-f", "-v", "-p", "8080", "-h", "/www"], "ExposedPorts": {"8080/tcp": {}}}


def busybox():
    return [], {"Cmd": ["sh"]}


# name → (maker, tags). The names are those of the public images where one exists.
IMAGES = {
    "busybox": (busybox, ["busybox:latest", "busybox:1.36"]),
    "nginx-1": (lambda: nginx("1.0"), ["nginx:1.0", "nginx:latest", "nginx:1.14.2"]),
    "nginx-2": (lambda: nginx("2.0"), ["nginx:2.0", "nginx:1.16.1", "nginx:1.27"]),
    "redis": (redis, ["redis:latest", "redis:7"]),
    "node": (node, ["node:lts", "node:latest", "node:20"]),
    "web-1": (lambda: web("1.0"), ["web:1.0"]),
    "web-2": (lambda: web("2.0"), ["web:2.0"]),
}
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def configuration(layers, config):
    config = dict({"Env": [PATH]}, **config)
    return json.dumps({
        "architecture": ARCHITECTURE, "os": "linux", "config": config,
        "rootfs": {"type": "layers", "diff_ids": [digest(l) for l in layers]},
        "history": [{"created_by": "apus scripts/images.py"} for _ in layers],
    }, sort_keys=True).encode()


def archive(path, layers, config, tags):
    # Clusters that start at once may share the folder.
    draft = f"{path}.{os.getpid()}.tmp"
    with tarfile.open(draft, "w") as tar:
        def put(name, data):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o644
            tar.addfile(info, io.BytesIO(data))
        names = []
        for layer in layers:
            names.append(digest(layer)[7:] + ".tar")
            put(names[-1], layer)
        name = digest(config)[7:] + ".json"
        put(name, config)
        put("manifest.json", json.dumps([{"Config": name, "RepoTags": tags, "Layers": names}]).encode())
    os.replace(draft, path)


class Registry:
    """Enough of the distribution API: blobs in one piece, then the manifest."""

    def __init__(self, address):
        self.address = address
        self.connection = http.client.HTTPConnection(address, timeout=60)

    def call(self, method, path, body=None, headers={}):
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, answer.headers, text

    def has(self, tags):
        return all(self.call("HEAD", f"/v2/{p}{t.replace(':', '/manifests/')}")[0] == 200 for t in tags for p in ("", "library/"))

    def blob(self, name, data):
        status, _, _ = self.call("HEAD", f"/v2/{name}/blobs/{digest(data)}")
        if status == 200:
            return
        status, headers, text = self.call("POST", f"/v2/{name}/blobs/uploads/")
        if status != 202:
            sys.exit(f"images: {self.address} refused an upload: {status} {text.decode()}")
        where = re.sub(r"^https?://[^/]+", "", headers["Location"])
        where += ("&" if "?" in where else "?") + "digest=" + digest(data)
        status, _, text = self.call("PUT", where, data, {"Content-Type": "application/octet-stream"})
        if status != 201:
            sys.exit(f"images: {self.address} refused a blob: {status} {text.decode()}")

    def push(self, name, tags, layers, config):
        for data in layers + [config]:
            self.blob(name, data)
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(config), "digest": digest(config)},
            "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar", "size": len(l), "digest": digest(l)} for l in layers],
        }).encode()
        for tag in tags:
            status, _, text = self.call("PUT", f"/v2/{name}/manifests/{tag}", manifest,
                                        {"Content-Type": "application/vnd.docker.distribution.manifest.v2+json"})
            if status != 201:
                sys.exit(f"images: {self.address} refused {name}:{tag}: {status} {text.decode()}")


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--out", default="/var/lib/apus-images", help="where the archives go")
    options.add_argument("--registry", default="localhost:5000")
    options.add_argument("--no-push", action="store_true")
    options.add_argument("--missing", action="store_true", help="only what is not there yet")
    options.add_argument("names", nargs="*", choices=[[], *IMAGES], help="default: all")
    chosen = options.parse_args()
    os.makedirs(chosen.out, exist_ok=True)
    foundation = base()
    registry = None if chosen.no_push else Registry(chosen.registry.replace("localhost", "127.0.0.1"))
    for name in chosen.names or IMAGES:
        make, tags = IMAGES[name]
        if chosen.missing and os.path.exists(f"{chosen.out}/{name}.tar") and (not registry or registry.has(tags)):
            continue
        layers, config = make()
        layers = [foundation] + layers
        config = configuration(layers, config)
        archive(f"{chosen.out}/{name}.tar", layers, config, tags + [f"{chosen.registry}/{t}" for t in tags])
        if registry:
            repository = tags[0].split(":")[0]
            for repository in (repository, "library/" + repository):
                registry.push(repository, [t.split(":")[1] for t in tags], layers, config)
        print(f"{name}: {', '.join(tags)} ({sum(map(len, layers)) >> 20} MiB)")


if __name__ == "__main__":
    main()
