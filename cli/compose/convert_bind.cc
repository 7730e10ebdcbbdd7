// Bind mounts. What lies beside the compose file goes along as a ConfigMap, as far as one holds it,
// or as a Secret where it is none of everybody's business; an empty folder that is written becomes
// a claim; a path of the machine is the node's.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "api/codec/base64.h"
#include "api/text/utf8.h"
#include "base/text.h"
#include "cli/compose/parts.h"
#include "cli/compose/scalars.h"
#include "cli/compose/short_forms.h"
#include "cli/json_text.h"

namespace skiff::cli::compose {
namespace {

namespace fs = std::filesystem;

// What a ConfigMap may hold, with room for its names.
constexpr size_t kMountedBytesMax = 1'000'000;
constexpr size_t kMountedFilesMax = 200;

struct MountedFile {
  std::string path;  // Within the folder; of a file its name.
  std::string key;
  std::string contents;
  bool executable = false;
};

std::string KeyFor(const std::string& path) {
  std::string key = KeyText(path);
  // "." and ".." are no keys, nor is what begins by two dots.
  if (key.starts_with("..") || key == ".") key = "file-" + key.substr(1);
  if (key.size() > 200) key = key.substr(0, 190) + "-" + ShortDigest(path);
  return key;
}

// "nginx/default.conf" of the project shop -> shop-nginx-default-conf
std::string NameForPath(const Project& project, const std::string& path) {
  const std::string relative = fs::path(path).lexically_relative(project.directory);
  const bool inside = !relative.empty() && !relative.starts_with("..");
  const std::string name = inside ? relative : fs::path(path).filename().string();
  const std::string made = ObjectName(project.name + "-" + name);
  // Other paths may make the same name of it, and other projects what is left of a long one.
  if (made.size() <= 54) return made + "-" + ShortDigest(relative).substr(0, 4);
  return made.substr(0, 54) + "-" + ShortDigest(project.name + "/" + relative);
}

Json SecretOf(const Project& project, const std::string& name,
              const std::vector<MountedFile>& files) {
  Json secret = ObjectOf(project, "v1", "Secret", name);
  secret["type"] = "Opaque";
  for (const MountedFile& file : files) secret["data"][file.key] = EncodeBase64(file.contents);
  return secret;
}

Json ConfigMapOf(const Project& project, const std::string& name,
                 const std::vector<MountedFile>& files) {
  Json map = ObjectOf(project, "v1", "ConfigMap", name);
  for (const MountedFile& file : files) {
    if (IsUtf8(file.contents)) {
      map["data"][file.key] = file.contents;
    } else {
      map["binaryData"][file.key] = EncodeBase64(file.contents);
    }
  }
  return map;
}

// ".env", ".env.local"
bool IsEnvFile(const fs::path& path) {
  const std::string name = path.filename();
  return name == ".env" || name.starts_with(".env.");
}

// Whoever may look at a namespace reads its ConfigMaps.
bool IsPrivate(const Scope& scope, const std::string& path) {
  const std::string real = scope.files.Real(path);
  return scope.out.private_files.contains(real) || IsEnvFile(path) || IsEnvFile(real);
}

bool IsWithin(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder.ends_with('/') ? folder : folder + "/");
}

constexpr int kPlainMode = 0644;
constexpr int kExecutableMode = 0755;

class BindMount {
 public:
  BindMount(const Scope& scope, const Node& mount, const std::string& key, Mounts& mounts)
      : scope_(scope), mount_(mount), key_(key), mounts_(mounts), path_(mount["source"].Text()) {
    target_ = {{"mountPath", mount["target"].Text()}};
    read_only_ = mount["read_only"].IsTrue();
    // By dots or by links: whoever wrote the file may not be who runs it.
    outside_ = PlaceOutside(scope.project, scope.files, path_);
    is_secret_ = !outside_.empty();
  }

  Result<> Add() {
    const std::string propagation = mount_["bind"]["propagation"].Text();
    if (!propagation.empty()) Propagate(propagation);
    if (!IsOfProject()) {
      Note("it is the node's " + path_ + ", not this machine's");
      return Put({{"hostPath", {{"path", path_}}}}, path_);
    }
    switch (scope_.files.Look(path_)) {
      case Files::What::kFile:
        return AddFile();
      case Files::What::kFolder:
        return AddFolder();
      case Files::What::kMissing:
        if (!read_only_) return AddClaim("is not there yet");
        Note("there is no " + path_);
        return {};
      case Files::What::kOther:
        Note(path_ + " is neither a file nor a folder");
        return {};
    }
    return {};
  }

 private:
  // What is said in full is the project's where it lies in its folder; of "/" all of the machine
  // would.
  bool IsOfProject() const {
    const std::string& folder = scope_.project.directory;
    if (mount_["source"].mark == kRelative) return true;
    return folder != "/" && (IsWithin(path_, folder) || outside_.empty());
  }

  void Note(std::string why) { scope_.Note(mount_, key_, std::move(why)); }

  void Propagate(const std::string& word) {
    if (word.ends_with("shared")) target_["mountPropagation"] = "Bidirectional";
    if (word.ends_with("slave")) target_["mountPropagation"] = "HostToContainer";
  }

  Result<> Put(Json source, const std::string& wanted) {
    target_["name"] = mounts_.Add(wanted, std::move(source));
    if (read_only_) target_["readOnly"] = true;
    mounts_.Mount(target_);
    return {};
  }

  Result<> AddFile() {
    auto contents = scope_.files.Read(path_, kMountedBytesMax);
    if (!contents) {
      Note(fmt::format("{} cannot go along: {}", path_, contents.error().message));
      return {};
    }
    const std::string name = fs::path(path_).filename();
    const bool executable = scope_.files.Executable(path_);
    std::vector<MountedFile> files = {{name, KeyFor(name), std::move(*contents), executable}};
    target_["subPath"] = files[0].key;
    is_secret_ = is_secret_ || IsPrivate(scope_, path_);
    return AddMap(files);
  }

  Result<> AddFolder() {
    const auto below = scope_.files.Below(path_, kMountedFilesMax);
    if (!below) return StaysBehind(below.error().message);
    if (below->files.empty() && below->others.empty()) return AddEmpty("is empty");
    NoteOthers(below->others);
    std::vector<MountedFile> files;
    std::set<std::string> keys;
    size_t bytes = 0;
    for (const std::string& each : below->files) {
      if (!IsUtf8(each)) return StaysBehind("it has a file whose name is not UTF-8");
      const std::string path = fs::path(path_) / each;
      if (!is_secret_ && IsPrivate(scope_, path)) {
        Note(fmt::format(
            "{} stays behind: whoever may look at the namespace could read it; mount it "
            "as one of `secrets`",
            each));
        continue;
      }
      auto contents = scope_.files.Read(path, kMountedBytesMax - bytes);
      if (!contents) {
        return StaysBehind(
            fmt::format("more than {} bytes, or not to be read: {}", kMountedBytesMax, each));
      }
      bytes += contents->size();
      std::string key = KeyFor(each);
      if (!keys.insert(key).second) key = KeyFor(ShortDigest(each) + "-" + each);
      keys.insert(key);
      files.push_back({each, key, std::move(*contents), scope_.files.Executable(path)});
    }
    if (files.empty()) return AddEmpty("has nothing that goes along");
    return AddMap(files);
  }

  // Docker has them in the container.
  void NoteOthers(const std::vector<std::string>& others) {
    constexpr size_t kNamed = 5;
    if (others.empty()) return;
    std::vector<std::string> names(
        others.begin(), others.begin() + static_cast<ptrdiff_t>(std::min(others.size(), kNamed)));
    if (others.size() > kNamed) names.push_back(fmt::format("{} more", others.size() - kNamed));
    Note(fmt::format(
        "files alone go along: what of it is a link to a folder or to nowhere, a socket, a pipe "
        "or a device stays behind: {}",
        Join(names, ", ")));
  }

  Result<> AddEmpty(const char* why) {
    if (!read_only_) return AddClaim(why);
    return Put({{"emptyDir", Json::object()}}, path_);
  }

  Result<> StaysBehind(const std::string& why) {
    Note(fmt::format("{} cannot go along: {}; build it into the image, or copy it into a volume",
                     path_, why));
    return {};
  }

  void NoteMap() {
    if (read_only_ && outside_.empty()) return;
    std::string why;
    if (!outside_.empty()) why = fmt::format("{} is outside of the project's folder: ", outside_);
    why += is_secret_ ? "it goes along as a Secret" : "it goes along as a ConfigMap";
    Note(why + (read_only_ ? "" : ": containers cannot write it"));
  }

  Result<> AddMap(const std::vector<MountedFile>& files) {
    NoteMap();
    const std::string name = NameForPath(scope_.project, path_);
    Json map = is_secret_ ? SecretOf(scope_.project, name, files)
                          : ConfigMapOf(scope_.project, name, files);
    if (is_secret_) {
      mounts_.secrets.insert(name);
    } else {
      mounts_.Digest(map.dump());
    }
    Json source = {{is_secret_ ? "secretName" : "name", name}, {"defaultMode", kPlainMode}};
    for (const MountedFile& file : files) {
      // Of a single file the key is what is mounted.
      Json item = {{"key", file.key},
                   {"path", target_.contains("subPath") ? file.key : file.path}};
      if (file.executable) item["mode"] = kExecutableMode;
      source["items"].push_back(std::move(item));
    }
    AddShared(scope_.out, std::move(map));
    read_only_ = true;
    return Put({{is_secret_ ? "secret" : "configMap", std::move(source)}},
               path_.substr(path_.rfind('/') + 1));
  }

  Result<> AddClaim(const char* why) {
    Note(fmt::format("{} {}: a volume of the cluster takes its place", path_, why));
    const std::string name = NameForPath(scope_.project, path_);
    AddShared(scope_.out, ClaimOf(scope_.project, name));
    mounts_.keeps_data = true;
    return Put({{"persistentVolumeClaim", {{"claimName", name}}}},
               path_.substr(path_.rfind('/') + 1));
  }

  const Scope& scope_;
  const Node& mount_;
  const std::string key_;
  Mounts& mounts_;
  const std::string path_;
  Json target_;
  bool read_only_ = false;
  std::string outside_;     // Where it really is; "": in the project's folder.
  bool is_secret_ = false;  // Nothing for who may read ConfigMaps.
};

}  // namespace

std::set<std::string> PrivateFiles(const Project& project, const Files& files) {
  std::set<std::string> paths;
  const auto add = [&](const Node& path) {
    if (path.Says()) paths.insert(files.Real(path.Text()));
  };
  for (const Member& secret : project.root["secrets"].members) add(secret.node["file"]);
  for (const Member& service : project.root["services"].members) {
    for (const Node& file : service.node["env_file"].items) add(file["path"]);
  }
  return paths;
}

std::string PlaceOutside(const Project& project, const Files& files, const std::string& path) {
  std::string real = files.Real(path);
  return IsWithin(real, files.Real(project.directory)) ? "" : real;
}

Result<> AddBindMount(const Scope& scope, const Node& mount, const std::string& key,
                      Mounts& mounts) {
  return BindMount(scope, mount, key, mounts).Add();
}

}  // namespace skiff::cli::compose
