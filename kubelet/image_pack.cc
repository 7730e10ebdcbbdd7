#include "kubelet/image_pack.h"

#include <set>

#include "api/rules/core/image_reference.h"
#include "api/values.h"
#include "kubelet/image_archive.h"
#include "kubelet/tar.h"

namespace skiff {
namespace {

constexpr char kOciConfig[] = "application/vnd.oci.image.config.v1+json";
constexpr char kOciLayer[] = "application/vnd.oci.image.layer.v1.tar";

std::string LayerOf(const ImageSource& source) {
  TarWriter tar;
  std::set<std::string> folders;
  const auto add_folders = [&](const std::string& path) {
    for (size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      if (folders.insert(path.substr(0, slash)).second) tar.AddFolder(path.substr(0, slash), 0755);
    }
  };
  for (const ImageFile& file : source.files) {
    add_folders(file.path);
    if (file.folder) {
      if (folders.insert(file.path).second) tar.AddFolder(file.path, file.mode);
    } else if (!file.symlink_to.empty()) {
      tar.AddSymlink(file.path, file.symlink_to);
    } else if (!file.hard_link_to.empty()) {
      tar.AddHardLink(file.path, file.hard_link_to);
    } else {
      tar.AddFile(file.path, file.mode, file.content);
    }
  }
  return tar.Finish();
}

Json ConfigOf(const ImageSource& source, const std::string& layer_digest) {
  Json config = {{"Env", source.environment.empty()
                             ? std::vector<std::string>{"PATH=/usr/local/sbin:/usr/local/bin:"
                                                        "/usr/sbin:/usr/bin:/sbin:/bin"}
                             : source.environment}};
  if (!source.entrypoint.empty()) config["Entrypoint"] = source.entrypoint;
  if (!source.command.empty()) config["Cmd"] = source.command;
  for (const std::string& port : source.exposed_ports) {
    config["ExposedPorts"][port] = Json::object();
  }
  if (!source.labels.empty()) config["Labels"] = source.labels;
  if (!source.working_directory.empty()) config["WorkingDir"] = source.working_directory;
  if (!source.user.empty()) config["User"] = source.user;
  if (!source.stop_signal.empty()) config["StopSignal"] = source.stop_signal;
  return {{"architecture", ImageArchitecture()},
          {"os", "linux"},
          {"created", "1970-01-01T00:00:00Z"},
          {"config", config},
          {"rootfs", {{"type", "layers"}, {"diff_ids", {layer_digest}}}}};
}

Json Descriptor(const char* media_type, const std::string& content) {
  return {{"mediaType", media_type}, {"digest", DigestOf(content)}, {"size", content.size()}};
}

}  // namespace

Result<std::string> PackImage(const ImageSource& source) {
  std::vector<ImageName> names;
  for (const std::string& name : source.names) names.push_back(TRY(ParseImageName(name)));
  const std::string layer = LayerOf(source);
  const std::string config = ConfigOf(source, DigestOf(layer)).dump();
  const std::string manifest = Json{{"schemaVersion", 2},
                                    {"mediaType", kOciManifest},
                                    {"config", Descriptor(kOciConfig, config)},
                                    {"layers", {Descriptor(kOciLayer, layer)}}}
                                   .dump();
  Json index = {{"schemaVersion", 2}, {"mediaType", kOciIndex}, {"manifests", Json::array()}};
  Json tags = Json::array();
  for (const ImageName& name : names) {
    Json descriptor = Descriptor(kOciManifest, manifest);
    descriptor["annotations"] = {{kContainerdName, name.Text()}, {kOciRefName, name.tag}};
    index["manifests"].push_back(descriptor);
    tags.push_back(name.Text());
  }
  const Json docker = {{{"Config", BlobPath(DigestOf(config))},
                        {"RepoTags", tags},
                        {"Layers", {BlobPath(DigestOf(layer))}}}};
  TarWriter tar;
  tar.AddFolder("blobs", 0755);
  tar.AddFolder("blobs/sha256", 0755);
  for (const std::string* blob : {&layer, &config, &manifest}) {
    tar.AddFile(BlobPath(DigestOf(*blob)), 0644, *blob);
  }
  tar.AddFile("oci-layout", 0644, R"({"imageLayoutVersion":"1.0.0"})");
  tar.AddFile("index.json", 0644, index.dump());
  tar.AddFile("manifest.json", 0644, docker.dump());
  return tar.Finish();
}

}  // namespace skiff
