// Volumes, tmpfs and shared memory of a container, and the claims of named volumes.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "cli/compose/parts.h"
#include "cli/compose/scalars.h"
#include "cli/json_text.h"

namespace skiff::cli::compose {
namespace {

constexpr char kUsualSize[] = "1Gi";

// What a volume of the driver `local` is of, by its options.
enum class Backing : uint8_t { kClaim, kNfs, kHostPath, kMemory };

Backing BackingOf(const Node& volume) {
  const Node& options = volume["driver_opts"];
  const std::string type = options["type"].Text();
  if (type == "nfs" || type == "nfs4") return Backing::kNfs;
  if (type == "tmpfs") return Backing::kMemory;
  const std::string device = options["device"].Text();
  if (options["o"].Text().find("bind") != std::string::npos && device.starts_with('/')) {
    return Backing::kHostPath;
  }
  return Backing::kClaim;
}

// What a pod's volume can say of mount options; `others` it cannot.
struct MountOptions {
  std::string address;  // Of an NFS server.
  bool read_only = false;
  std::vector<std::string> others = {};
};

MountOptions MountOptionsOf(const Node& volume) {
  constexpr std::string_view kAddress = "addr=";
  constexpr std::array<std::string_view, 4> kUsual = {"bind", "rbind", "rw", "defaults"};
  MountOptions options;
  for (const std::string& each : Split(volume["driver_opts"]["o"].Text(), ',')) {
    const std::string option(WithoutBlanks(each));
    if (option.starts_with(kAddress)) {
      options.address = option.substr(kAddress.size());
    } else if (option == "ro") {
      options.read_only = true;
    } else if (!option.empty() && std::ranges::find(kUsual, option) == kUsual.end()) {
      options.others.push_back(option);
    }
  }
  return options;
}

std::string NfsPath(const Node& volume) {
  std::string path = volume["driver_opts"]["device"].Text();
  if (const size_t colon = path.find(':'); colon != path.npos) path.erase(0, colon + 1);
  return path.empty() ? "/" : path;
}

std::string ClaimName(const Project& project, const std::string& key) {
  return ResourceName(project, project.root["volumes"][key], key);
}

Json MemoryVolume(const std::string& size) {
  Json directory = {{"medium", "Memory"}};
  if (!size.empty()) directory["sizeLimit"] = size;
  return {{"emptyDir", std::move(directory)}};
}

// What stands for a named volume in a pod.
Json NamedVolume(const Project& project, const std::string& key) {
  const Node& volume = project.root["volumes"][key];
  switch (BackingOf(volume)) {
    case Backing::kNfs:
      return {{"nfs", {{"server", MountOptionsOf(volume).address}, {"path", NfsPath(volume)}}}};
    case Backing::kHostPath:
      return {{"hostPath", {{"path", volume["driver_opts"]["device"].Text()}}}};
    case Backing::kMemory:
      return MemoryVolume("");
    case Backing::kClaim:
      break;
  }
  return {{"persistentVolumeClaim", {{"claimName", ClaimName(project, key)}}}};
}

void AddNamed(const Scope& scope, const Node& mount, Json target, Mounts& mounts) {
  const std::string key = mount["source"].Text();
  if (key.empty()) {
    // One without a name is gone with its container.
    target["name"] = mounts.Add("volume-" + target["mountPath"].get<std::string>(),
                                {{"emptyDir", Json::object()}});
    return mounts.Mount(std::move(target));
  }
  const Node& volume = scope.project.root["volumes"][key];
  const Backing backing = BackingOf(volume);
  const bool claim = backing == Backing::kClaim;
  const bool is_mounted_so = backing == Backing::kNfs || backing == Backing::kHostPath;
  if (is_mounted_so && MountOptionsOf(volume).read_only) target["readOnly"] = true;
  if (claim && !mount["read_only"].IsTrue()) mounts.keeps_data = true;
  target["name"] = mounts.Add(key, NamedVolume(scope.project, key));
  const Node& path = mount["volume"]["subpath"];
  if (path.Says()) target["subPath"] = path.Text();
  mounts.Mount(std::move(target));
}

// A size as a quantity; "" for none, or one that is wrong.
std::string SizeOf(const Scope& scope, const Node& said) {
  if (!said.Says()) return "";
  const auto bytes = scope.Sound(ReadBytes(said));
  return bytes ? QuantityOfBytes(*bytes) : "";
}

void AddTmpfs(const Scope& scope, Mounts& mounts) {
  for (const Node& item : scope.node["tmpfs"].items) {
    const std::vector<std::string> parts = Split(item.Text(), ':');
    std::string size;
    for (const std::string& option : Split(parts.size() > 1 ? parts[1] : "", ',')) {
      if (option.starts_with("size=")) {
        size = SizeOf(scope, TextNode(option.substr(5), item.place));
      } else if (!option.empty()) {
        scope.Note(item, "tmpfs", fmt::format("{}: such a directory has a size alone", option));
      }
    }
    mounts.Mount({{"name", mounts.Add("tmpfs-" + parts[0], MemoryVolume(size))},
                  {"mountPath", parts[0]}});
  }
  const Node& shared = scope.node["shm_size"];
  if (!shared.Says()) return;
  mounts.Mount({{"name", mounts.Add("shm", MemoryVolume(SizeOf(scope, shared)))},
                {"mountPath", "/dev/shm"}});
}

void AddOne(const Scope& scope, const Node& mount, const std::string& key, Mounts& mounts) {
  const std::string type = mount["type"].Text();
  if (const std::string& mode = mount["target"].mark; !mode.empty()) {
    scope.Note(mount, key, fmt::format("{} is no mode of a mount: it is as without", mode));
  }
  if (type == "bind") return scope.wrong.Add(AddBindMount(scope, mount, key, mounts));
  Json target = {{"mountPath", mount["target"].Text()}};
  if (mount["read_only"].IsTrue()) target["readOnly"] = true;
  if (type == "volume") {
    AddNamed(scope, mount, std::move(target), mounts);
  } else if (type == "tmpfs") {
    const std::string limit = SizeOf(scope, mount["tmpfs"]["size"]);
    target["name"] = mounts.Add("tmpfs-" + mount["target"].Text(), MemoryVolume(limit));
    mounts.Mount(std::move(target));
  } else if (type == "image") {
    target["name"] =
        mounts.Add("image-" + mount["target"].Text(),
                   {{"image", {{"reference", mount["source"].Text()}}}});
    const Node& path = mount["image"]["subpath"];
    if (path.Says()) target["subPath"] = path.Text();
    mounts.Mount(std::move(target));
  } else {
    scope.Note(mount, key, fmt::format("pods have no mounts of type {}", type));
  }
}

void NoteVolume(const Node& volume, const std::string& key, Conversion& out) {
  const auto note = [&](const Node& at, std::string_view name, std::string why) {
    if (!at.Says()) return;
    out.notes.push_back({at.place, fmt::format("volumes.{}.{}", key, name), std::move(why)});
  };
  if (volume["driver"].Text() != "local") {
    note(volume["driver"], "driver", "the cluster's default storage class makes the volume");
  }
  const Backing backing = BackingOf(volume);
  for (const Member& option : volume["driver_opts"].members) {
    if (backing == Backing::kClaim && option.key != "size") {
      note(option.node, "driver_opts." + option.key,
           "the cluster's default storage class makes the volume");
    }
    if (backing == Backing::kMemory && option.key == "o") {
      note(option.node, "driver_opts.o", "such a directory has a size alone: say tmpfs");
    }
  }
  if (backing == Backing::kClaim) return;
  note(volume["labels"], "labels", "what a pod mounts without a claim has no labels");
  if (backing == Backing::kMemory) return;
  const MountOptions options = MountOptionsOf(volume);
  if (!options.others.empty()) {
    note(volume["driver_opts"]["o"], "driver_opts.o",
         fmt::format("{}: the volume of a pod has no mount options beside ro; a PersistentVolume "
                     "that is made by hand has",
                     Join(options.others, ",")));
  }
  if (backing == Backing::kHostPath) {
    const Node& device = volume["driver_opts"]["device"];
    note(device, "driver_opts.device",
         fmt::format("it is the node's {}, not this machine's", device.Text()));
  }
}

Result<Json> ClaimOfVolume(const Project& project, const Node& volume, const std::string& key,
                           Notes& notes) {
  std::string size;
  const Node& said = volume["driver_opts"]["size"];
  if (said.Says()) size = QuantityOfBytes(TRY(ReadBytes(said)));
  Json claim = ClaimOf(project, ClaimName(project, key), size);
  Json annotations =
      AnnotationsOf(volume["labels"], fmt::format("volumes.{}.labels", key), notes);
  if (!annotations.empty()) claim["metadata"]["annotations"] = std::move(annotations);
  return claim;
}

}  // namespace

std::string Mounts::Add(const std::string& wanted, Json source) {
  std::string identity = source.dump();
  if (source.contains("emptyDir")) identity = wanted + "\n" + identity;
  for (const Volume& volume : volumes_) {
    if (volume.identity == identity) return volume.name;
  }
  std::string name = ObjectName(wanted);
  const bool is_taken = std::any_of(volumes_.begin(), volumes_.end(),
                                    [&](const Volume& volume) { return volume.name == name; });
  if (is_taken) name = ObjectName(name.substr(0, 50) + "-" + ShortDigest(identity));
  volumes_.push_back({name, std::move(identity), std::move(source)});
  return name;
}

void Mounts::PutInto(Json& pod, Json& container) const {
  if (!mounts_.empty()) container["volumeMounts"] = mounts_;
  for (const Volume& each : volumes_) {
    Json volume = each.source;
    volume["name"] = each.name;
    pod["volumes"].push_back(std::move(volume));
  }
}

Json ClaimOf(const Project& project, const std::string& name, const std::string& size) {
  Json claim = ObjectOf(project, "v1", "PersistentVolumeClaim", name);
  claim["spec"] = {
      {"accessModes", {"ReadWriteOnce"}},
      {"resources", {{"requests", {{"storage", size.empty() ? kUsualSize : size}}}}}};
  return claim;
}

void AddVolumeMounts(const Scope& scope, Mounts& mounts) {
  const Node& list = scope.node["volumes"];
  for (size_t i = 0; i < list.items.size(); ++i) {
    AddOne(scope, list.items[i], fmt::format("volumes[{}]", i), mounts);
  }
  AddTmpfs(scope, mounts);
}

void AddClaims(const Project& project, Conversion& out, Mistakes& wrong) {
  std::set<std::string> used;
  for (const auto& [name, service] : project.root["services"].members) {
    for (const Node& mount : service["volumes"].items) {
      if (mount["type"].Text() != "volume" || !mount["source"].Says()) continue;
      used.insert(mount["source"].Text());
    }
  }
  for (const auto& [key, volume] : project.root["volumes"].members) {
    if (!used.contains(key)) continue;
    NoteVolume(volume, key, out);
    if (BackingOf(volume) != Backing::kClaim) continue;
    if (volume["external"].IsTrue()) continue;
    auto claim = ClaimOfVolume(project, volume, key, out.notes);
    wrong.Add(claim);
    if (claim) AddShared(out, *std::move(claim));
  }
}

}  // namespace skiff::cli::compose
