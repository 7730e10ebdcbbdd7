#include "kubelet/image_archive.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "api/codec/json.h"
#include "api/rules/core/image_reference.h"
#include "base/hash.h"
#include "kubelet/tar.h"

namespace skiff {
namespace {

constexpr char kDockerIndex[] = "application/vnd.docker.distribution.manifest.list.v2+json";
constexpr char kDockerManifest[] = "application/vnd.docker.distribution.manifest.v2+json";
constexpr char kDockerConfig[] = "application/vnd.docker.container.image.v1+json";
constexpr char kDockerLayer[] = "application/vnd.docker.image.rootfs.diff.tar";
constexpr char kDockerLayerGzip[] = "application/vnd.docker.image.rootfs.diff.tar.gzip";

constexpr uint64_t kDocumentBytesMax = 8 << 20;
constexpr int kIndexDepthMax = 4;
// What is read of an archive beside layers, each part for no less than a page: indexes may name
// each other, and manifests, any number of times.
constexpr uint64_t kAllDocumentsBytesMax = uint64_t{512} << 20;
constexpr uint64_t kReadBytesMin = 4096;

Error Bad(const std::string& message) {
  return {.reason = Reason::kBadRequest, .message = "image archive: " + message};
}

// The text at `key`, "" when there is none.
std::string TextAt(const Json& document, const char* key) {
  if (!document.is_object()) return "";
  const auto found = document.find(key);
  return found != document.end() && found->is_string() ? found->get<std::string>() : "";
}

Json ListAt(const Json& document, const char* key) {
  if (!document.is_object()) return Json::array();
  const auto found = document.find(key);
  return found != document.end() && found->is_array() ? *found : Json::array();
}

class ArchiveReader {
 public:
  ArchiveReader(int file, const std::vector<TarEntry>& entries) : file_(file) {
    for (const TarEntry& entry : entries) entries_[entry.path] = entry;
  }

  Result<std::vector<ArchivedImage>> Read() {
    if (entries_.contains("index.json")) {
      TRY(ReadDockerNames());
      const Json index = TRY(ReadDocument("index.json"));
      for (const Json& descriptor : ListAt(index, "manifests")) {
        TRY(ReadDescriptor(descriptor, NamesOf(descriptor), 0));
      }
    } else if (entries_.contains("manifest.json")) {
      const Json manifests = TRY(ReadDocument("manifest.json"));
      if (!manifests.is_array()) return Fail(Bad("manifest.json is not a list"));
      for (const Json& manifest : manifests) TRY(ReadDockerImage(manifest));
    } else {
      return Fail(Bad("neither index.json nor manifest.json is in it"));
    }
    if (images_.empty()) {
      return Fail(Bad("no image for linux/" + std::string(ImageArchitecture()) + " is in it"));
    }
    return std::move(images_);
  }

 private:
  // Follows links inside the archive, as docker save leaves them for layers that images share.
  Result<TarEntry> Find(std::string path) const {
    for (int hops = 0; hops < 8; ++hops) {
      const auto found = entries_.find(path);
      if (found == entries_.end()) break;
      const TarEntry& entry = found->second;
      if (entry.type == TarEntry::Type::kFile) return entry;
      if (entry.type == TarEntry::Type::kHardLink) {
        path = entry.link;
      } else if (entry.type == TarEntry::Type::kSymlink) {
        std::string folder = path.substr(0, path.rfind('/') + 1);
        std::string_view link = entry.link;
        while (link.starts_with("../")) {
          link.remove_prefix(3);
          if (folder.size() > 1) folder.erase(folder.rfind('/', folder.size() - 2) + 1);
        }
        path = folder + std::string(link);
      } else {
        break;
      }
    }
    return Fail(Bad(path + " is missing"));
  }

  Result<std::string> ReadBytes(const std::string& path) {
    const TarEntry entry = TRY(Find(path));
    if (entry.size > kDocumentBytesMax) return Fail(Bad(path + " is too large"));
    read_bytes_ += std::max(entry.size, kReadBytesMin);
    if (read_bytes_ > kAllDocumentsBytesMax) return Fail(Bad("its manifests are too many"));
    std::string bytes(entry.size, 0);
    if (pread(file_, bytes.data(), bytes.size(), static_cast<off_t>(entry.offset)) !=
        static_cast<ssize_t>(bytes.size())) {
      return Fail(Bad("it breaks off inside " + path));
    }
    return bytes;
  }

  Result<Json> ReadDocument(const std::string& path) {
    return Parsed(TRY(ReadBytes(path)), path);
  }

  // No deeper than requests may be: what is copied later is walked as deep as it is.
  static Result<Json> Parsed(const std::string& text, const std::string& name) {
    auto document = ParseJson(text);
    if (!document) return Fail(Bad(name + " is not JSON"));
    return std::move(*document);
  }

  // A small blob by its descriptor, with its digest checked.
  Result<ArchivedBlob> ReadBlob(const Json& descriptor) {
    ArchivedBlob blob{.digest = TextAt(descriptor, "digest"),
                      .media_type = TextAt(descriptor, "mediaType")};
    blob.content = TRY(ReadBytes(BlobPath(blob.digest)));
    blob.size = blob.content.size();
    if (DigestOf(blob.content) != blob.digest) return Fail(Bad(blob.digest + " is damaged"));
    return blob;
  }

  std::vector<std::string> NamesOf(const Json& descriptor) const {
    if (!descriptor.is_object() || !descriptor.contains("annotations")) return {};
    const Json& annotations = descriptor["annotations"];
    for (const char* key : {kContainerdName, kOciRefName}) {
      const std::string text = TextAt(annotations, key);
      // A reference name may be only a tag.
      if (text.find_first_of(":/") == std::string::npos) continue;
      if (const auto name = ParseImageName(text)) return {name->Text()};
    }
    return {};
  }

  // docker save of newer versions writes both kinds of index, and names only in its own.
  Result<> ReadDockerNames() {
    if (!entries_.contains("manifest.json")) return {};
    for (const Json& manifest : TRY(ReadDocument("manifest.json"))) {
      names_by_config_[TextAt(manifest, "Config")] = TRY(DockerNames(manifest));
    }
    return {};
  }

  Result<std::vector<std::string>> DockerNames(const Json& manifest) const {
    std::vector<std::string> names;
    for (const Json& tag : ListAt(manifest, "RepoTags")) {
      if (!tag.is_string()) continue;
      names.push_back(TRY(ParseImageName(tag.get<std::string>())).Text());
    }
    return names;
  }

  static bool IsForThisMachine(const Json& descriptor) {
    if (!descriptor.is_object() || !descriptor.contains("platform")) return true;
    const Json& platform = descriptor["platform"];
    return TextAt(platform, "architecture") == ImageArchitecture() &&
           TextAt(platform, "os") == "linux";
  }

  Result<> ReadDescriptor(const Json& descriptor, std::vector<std::string> names, int depth) {
    if (!IsForThisMachine(descriptor)) return {};
    const ArchivedBlob blob = TRY(ReadBlob(descriptor));
    const Json document = TRY(Parsed(blob.content, blob.digest));
    if (!document.is_object()) return Fail(Bad(blob.digest + " is no JSON object"));
    if (blob.media_type == kOciIndex || blob.media_type == kDockerIndex) {
      if (depth == kIndexDepthMax) return Fail(Bad("indexes are nested too deep"));
      for (const Json& child : ListAt(document, "manifests")) {
        TRY(ReadDescriptor(child, names, depth + 1));
      }
      return {};
    }
    if (blob.media_type != kOciManifest && blob.media_type != kDockerManifest) return {};
    ArchivedImage image{.manifest = blob};
    image.config = TRY(ReadBlob(document.value("config", Json::object())));
    for (const Json& layer : ListAt(document, "layers")) {
      const std::string digest = TextAt(layer, "digest");
      const TarEntry entry = TRY(Find(BlobPath(digest)));
      image.layers.push_back({.digest = digest,
                              .media_type = TextAt(layer, "mediaType"),
                              .offset = entry.offset,
                              .size = entry.size});
    }
    const auto docker = names_by_config_.find(BlobPath(image.config.digest));
    if (docker != names_by_config_.end()) {
      names.insert(names.end(), docker->second.begin(), docker->second.end());
    }
    AddImage(std::move(image), names);
    return {};
  }

  // Two names for one image may come as two descriptors.
  void AddImage(ArchivedImage image, const std::vector<std::string>& names) {
    auto same = std::find_if(images_.begin(), images_.end(), [&](const ArchivedImage& other) {
      return other.manifest.digest == image.manifest.digest;
    });
    if (same == images_.end()) same = images_.insert(images_.end(), std::move(image));
    for (const std::string& name : names) {
      if (std::find(same->names.begin(), same->names.end(), name) == same->names.end()) {
        same->names.push_back(name);
      }
    }
  }

  // docker save's own layout has no manifest; the one a registry would have is made from it.
  Result<> ReadDockerImage(const Json& source) {
    ArchivedImage image;
    image.config.content = TRY(ReadBytes(TextAt(source, "Config")));
    image.config.digest = DigestOf(image.config.content);
    image.config.media_type = kDockerConfig;
    image.config.size = image.config.content.size();
    Json layers = Json::array();
    for (const Json& path : ListAt(source, "Layers")) {
      if (!path.is_string()) return Fail(Bad("a layer has no path"));
      const TarEntry entry = TRY(Find(path.get<std::string>()));
      ArchivedBlob layer = TRY(LayerAt(entry));
      layers.push_back(
          {{"mediaType", layer.media_type}, {"digest", layer.digest}, {"size", layer.size}});
      image.layers.push_back(std::move(layer));
    }
    const Json manifest = {{"schemaVersion", 2},
                           {"mediaType", kDockerManifest},
                           {"config",
                            {{"mediaType", kDockerConfig},
                             {"digest", image.config.digest},
                             {"size", image.config.size}}},
                           {"layers", layers}};
    image.manifest.content = manifest.dump();
    image.manifest.digest = DigestOf(image.manifest.content);
    image.manifest.media_type = kDockerManifest;
    image.manifest.size = image.manifest.content.size();
    AddImage(std::move(image), TRY(DockerNames(source)));
    return {};
  }

  // Once, however many images share it.
  Result<ArchivedBlob> LayerAt(const TarEntry& entry) {
    const auto known = layers_.find(entry.offset);
    if (known != layers_.end()) return known->second;
    ArchivedBlob layer = TRY(HashLayer(entry));
    layers_[entry.offset] = layer;
    return layer;
  }

  Result<ArchivedBlob> HashLayer(const TarEntry& entry) const {
    // Mapped, not read: a layer may be larger than we want to be. Offsets are those of pages.
    const uint64_t skew = entry.offset % static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    const size_t length = entry.size + skew;
    struct stat status {};
    if (fstat(file_, &status) != 0 ||
        static_cast<uint64_t>(status.st_size) < entry.offset + entry.size) {
      return Fail(Bad("it breaks off inside " + entry.path));
    }
    void* const mapped = length == 0 ? nullptr
                                     : mmap(nullptr, length, PROT_READ, MAP_PRIVATE, file_,
                                            static_cast<off_t>(entry.offset - skew));
    if (mapped == MAP_FAILED) return Fail(Bad(entry.path + " cannot be read"));
    const std::string_view bytes(static_cast<const char*>(mapped) + skew, entry.size);
    ArchivedBlob layer{
        .digest = DigestOf(bytes),
        .media_type = bytes.starts_with("\x1f\x8b") ? kDockerLayerGzip : kDockerLayer,
        .offset = entry.offset,
        .size = entry.size};
    if (mapped != nullptr) munmap(mapped, length);
    return layer;
  }

  const int file_;
  std::map<std::string, TarEntry> entries_;
  std::map<std::string, std::vector<std::string>> names_by_config_;
  std::map<uint64_t, ArchivedBlob> layers_;  // By their offsets.
  uint64_t read_bytes_ = 0;
  std::vector<ArchivedImage> images_;
};

}  // namespace

Result<std::vector<ArchivedImage>> ReadImageArchive(int file) {
  const std::vector<TarEntry> entries = TRY(ReadTarIndex(file));
  return ArchiveReader(file, entries).Read();
}

std::string DigestOf(std::string_view bytes) {
  return "sha256:" + Hex(Sha256(bytes));
}

std::string BlobPath(const std::string& digest) {
  return "blobs/sha256/" + digest.substr(digest.find(':') + 1);
}

std::string_view ImageArchitecture() {
#if defined(__x86_64__)
  return "amd64";
#elif defined(__aarch64__)
  return "arm64";
#else
#error "name this architecture as images do"
#endif
}

}  // namespace skiff
