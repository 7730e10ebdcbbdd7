// Configs and secrets: an object for each, whose one key is the name of the config or secret.
#include <fmt/format.h>

#include "api/codec/base64.h"
#include "api/text/utf8.h"
#include "cli/compose/parts.h"
#include "cli/compose/scalars.h"
#include "cli/json_text.h"

namespace skiff::cli::compose {
namespace {

constexpr size_t kFileObjectBytesMax = 1'000'000;

struct FileKind {
  const char* plural;
  const char* kind;
  const char* source;  // Of a pod's volume.
  const char* name_field;
  const char* folder;    // Where it is mounted unless a service says otherwise.
  const char* contents;  // The keys that may say what is in it.
};
constexpr FileKind kFileKinds[] = {
    {"configs", "ConfigMap", "configMap", "name", "/", "file|environment|content"},
    {"secrets", "Secret", "secret", "secretName", "/run/secrets/", "file|environment"}};

// The key within the object. One that is external is looked up under its own name.
std::string FileKey(const Node& resource, const std::string& key) {
  const std::string name =
      resource["external"].IsTrue() && resource["name"].Says() ? resource["name"].Text() : key;
  return KeyText(name);
}

Result<std::string> ContentsOf(const Project& project, const Files& files, const FileKind& kind,
                               const Node& resource, const std::string& path) {
  if (const Node* content = resource.Find("content")) return content->Text();
  const Node& variable = resource["environment"];
  if (variable.Says()) {
    return Wrong(variable, fmt::format("environment variable {} required by {} is not set",
                                       variable.Text(), path));
  }
  const Node& file = resource["file"];
  if (!file.Says()) {
    // In the words of consistency.cc, which may have told of it.
    return Wrong(resource, fmt::format("{}: one of {} must be set", path, kind.contents));
  }
  auto contents = files.Read(file.Text(), kFileObjectBytesMax);
  if (!contents) {
    const bool is_large = contents.error().message.starts_with("more than ");
    return Wrong(file, fmt::format("{}: file {} (of {}): {}{}", path, file.Text(),
                                   project.directory, contents.error().message,
                                   is_large ? "; a " + std::string(kind.kind) +
                                                  " has no room for it: build it into the image, "
                                                  "or copy it into a volume"
                                            : ""));
  }
  return contents;
}

Json FileObject(const Project& project, const FileKind& kind, const std::string& name,
                const std::string& key, const std::string& contents) {
  Json object = ObjectOf(project, "v1", kind.kind, name);
  const bool secret = std::string_view(kind.kind) == "Secret";
  if (secret) object["type"] = "Opaque";
  if (!secret && IsUtf8(contents)) {
    object["data"][key] = contents;
  } else {
    object[secret ? "data" : "binaryData"][key] = EncodeBase64(contents);
  }
  return object;
}

void AddOneMount(const Scope& scope, const FileKind& kind, const Node& item,
                 const std::string& path, Mounts& mounts) {
  const std::string source = item["source"].Text();
  const Node& resource = scope.project.root[kind.plural][source];
  std::string target = item["target"].Text();
  if (target.empty()) target = source;
  if (!target.starts_with('/')) target = kind.folder + target;
  const std::string key = FileKey(resource, source);
  const std::string name = ResourceName(scope.project, resource, source);
  Json volume = {{kind.name_field, name}, {"items", Json::array({{{"key", key}, {"path", key}}})}};
  if (item["mode"].Says()) {
    if (const auto mode = scope.Sound(ReadMode(item["mode"]))) volume["defaultMode"] = *mode;
  }
  for (const char* owner : {"uid", "gid"}) {
    const std::string id = item[owner].Text();
    if (!id.empty() && id != "0") {
      scope.Note(item[owner], path + "." + owner, "such files are root's; say mode");
    }
  }
  if (std::string_view(kind.kind) == "Secret") mounts.secrets.insert(name);
  for (const Json& object : scope.out.shared) {
    const bool same = object["kind"] == kind.kind && NameOf(object) == name;
    if (same && std::string_view(kind.kind) != "Secret") mounts.Digest(object.dump());
  }
  mounts.Mount({{"name", mounts.Add(source, {{kind.source, std::move(volume)}})},
                {"mountPath", target},
                {"subPath", key},
                {"readOnly", true}});
}

// The file says in so many words that it is for the containers, so it goes along; but to all who
// look.
void NoteOutside(const Project& project, const Files& files, const Node& config,
                 const std::string& path, Conversion& out) {
  const Node& file = config["file"];
  const std::string outside = file.Says() ? PlaceOutside(project, files, file.Text()) : "";
  if (outside.empty()) return;
  out.notes.push_back({file.place, path + ".file",
                       outside + " is outside of the project's folder: it goes along as a "
                                 "ConfigMap, which whoever may look at the namespace reads; is it "
                                 "not for all, make it one of `secrets`"});
}

// Of what a part has been told of nothing is looked up.
bool IsToldOf(const Node& resource) {
  return resource.told || resource["content"].told || resource["environment"].told ||
         resource["file"].told;
}

}  // namespace

void AddFileObjects(const Project& project, const Files& files, Conversion& out, Mistakes& wrong) {
  for (const FileKind& kind : kFileKinds) {
    std::set<std::string> used;
    for (const Member& service : project.root["services"].members) {
      for (const Node& item : service.node[kind.plural].items) used.insert(item["source"].Text());
    }
    for (const auto& [key, resource] : project.root[kind.plural].members) {
      if (!used.contains(key) || resource["external"].IsTrue() || IsToldOf(resource)) continue;
      const std::string path = fmt::format("{}.{}", kind.plural, key);
      const auto contents = ContentsOf(project, files, kind, resource, path);
      wrong.Add(contents);
      if (!contents) continue;
      if (std::string_view(kind.kind) == "ConfigMap") {
        NoteOutside(project, files, resource, path, out);
      }
      Json object = FileObject(project, kind, ResourceName(project, resource, key),
                               FileKey(resource, key), *contents);
      Json annotations = AnnotationsOf(resource["labels"], path + ".labels", out.notes);
      if (!annotations.empty()) object["metadata"]["annotations"] = std::move(annotations);
      AddShared(out, std::move(object));
    }
  }
}

void AddFileMounts(const Scope& scope, Mounts& mounts) {
  for (const FileKind& kind : kFileKinds) {
    const Node& list = scope.node[kind.plural];
    for (size_t i = 0; i < list.items.size(); ++i) {
      if (list.items[i]["source"].told) continue;
      AddOneMount(scope, kind, list.items[i], fmt::format("{}[{}]", kind.plural, i), mounts);
    }
  }
}

}  // namespace skiff::cli::compose
