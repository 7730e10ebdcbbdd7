// What containerd needs to know an image: its blobs in the content store, labels on the manifest
// that tell the garbage collector what it refers to, and a name for the manifest in the image
// store. Layers are unpacked by CRI when a container first needs them. A lease keeps blobs alive
// meanwhile.
#include "kubelet/cri_grpc_import.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>

#include "base/id.h"
#include "base/mutex.h"
#include "kubelet/cri.h"
#include "kubelet/cri_grpc_channel.h"
#include "kubelet/image_archive.h"
#include "kubelet/proto/containerd_content.grpc.pb.h"
#include "kubelet/proto/containerd_images.grpc.pb.h"
#include "kubelet/proto/containerd_leases.grpc.pb.h"

namespace skiff::cri {
namespace {

namespace content = ::containerd::services::content::v1;
namespace images = ::containerd::services::images::v1;
namespace leases = ::containerd::services::leases::v1;

constexpr size_t kChunkBytes = 1 << 20;
constexpr Duration kCallTimeout = 30s;
constexpr Duration kWriteTimeout = 10min;
// CRI hears of a new image through an event.
constexpr Duration kVisibleMax = 10s;
constexpr Duration kVisibleStep = 10ms;

using Labels = std::map<std::string, std::string>;

class Importer {
 public:
  Importer(const std::string& endpoint, int file)
      : file_(file),
        channel_(OpenChannel(endpoint)),
        content_(content::Content::NewStub(channel_)),
        images_(images::Images::NewStub(channel_)),
        leases_(leases::Leases::NewStub(channel_)) {}

  ~Importer() {
    if (lease_.empty()) return;
    leases::DeleteRequest request;
    request.set_id(lease_);
    ::containerd::types::Empty response;
    grpc::ClientContext context;
    InContainerdNamespace(context);
    SetTimeout(context, kCallTimeout);
    (void)leases_->Delete(&context, request, &response);  // A lease left behind expires.
  }

  Result<> TakeLease() {
    leases::CreateRequest request;
    request.set_id("skiff-import-" + SystemRandom().Uid());
    const auto expiry = std::chrono::system_clock::now() + std::chrono::hours(1);
    std::array<char, 32> text{};
    const std::time_t seconds = std::chrono::system_clock::to_time_t(expiry);
    std::tm utc{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
    (*request.mutable_labels())["containerd.io/gc.expire"] = text.data();
    leases::CreateResponse response;
    grpc::ClientContext context;
    Prepare(context, kCallTimeout);
    const grpc::Status status = leases_->Create(&context, request, &response);
    if (!status.ok()) return Fail(ErrorFrom(status));
    lease_ = request.id();
    return {};
  }

  Result<> Import(const ArchivedImage& image, bool pinned) {
    Labels references;
    references["containerd.io/gc.ref.content.0"] = image.config.digest;
    for (size_t i = 0; i < image.layers.size(); ++i) {
      TRY(Write(image.layers[i], {}));
      references["containerd.io/gc.ref.content." + std::to_string(i + 1)] = image.layers[i].digest;
    }
    // The garbage collector follows a config to the unpacked layers; CRI adds that label itself.
    TRY(Write(image.config, {}));
    TRY(Write(image.manifest, references));
    for (const std::string& name : image.names) TRY(Name(name, image.manifest, pinned));
    return {};
  }

 private:
  void Prepare(grpc::ClientContext& context, Duration timeout) const {
    InContainerdNamespace(context);
    SetTimeout(context, timeout);
    if (!lease_.empty()) context.AddMetadata("containerd-lease", lease_);
  }

  Result<std::string> ReadChunk(const ArchivedBlob& blob, uint64_t at) const {
    const size_t wanted = std::min<uint64_t>(kChunkBytes, blob.size - at);
    if (!blob.content.empty()) return blob.content.substr(at, wanted);
    std::string chunk(wanted, 0);
    if (pread(file_, chunk.data(), wanted, static_cast<off_t>(blob.offset + at)) !=
        static_cast<ssize_t>(wanted)) {
      return Fail(Reason::kBadRequest, "image archive: it breaks off inside " + blob.digest);
    }
    return chunk;
  }

  Result<> Write(const ArchivedBlob& blob, const Labels& labels) {
    grpc::ClientContext context;
    Prepare(context, kWriteTimeout);
    const auto stream = content_->Write(&context);
    content::WriteContentResponse response;
    const std::string ref = "skiff-import-" + blob.digest + "-" + lease_;
    for (uint64_t at = 0;;) {
      content::WriteContentRequest request;
      request.set_ref(ref);
      request.set_total(static_cast<int64_t>(blob.size));
      request.set_expected(blob.digest);
      request.set_offset(static_cast<int64_t>(at));
      const std::string chunk = TRY(ReadChunk(blob, at));
      at += chunk.size();
      const bool last = at == blob.size;
      request.set_action(last ? content::COMMIT : content::WRITE);
      request.set_data(chunk);
      if (last) request.mutable_labels()->insert(labels.begin(), labels.end());
      if (!stream->Write(request) || !stream->Read(&response) || last) break;
    }
    stream->WritesDone();
    while (stream->Read(&response)) {
    }
    const grpc::Status status = stream->Finish();
    if (status.error_code() == grpc::StatusCode::ALREADY_EXISTS) return Relabel(blob, labels);
    if (!status.ok()) return Fail(ErrorFrom(status));
    return {};
  }

  // A blob that was there before may have come without our labels.
  Result<> Relabel(const ArchivedBlob& blob, const Labels& labels) {
    if (labels.empty()) return {};
    content::UpdateRequest request;
    request.mutable_info()->set_digest(blob.digest);
    for (const auto& [key, value] : labels) {
      (*request.mutable_info()->mutable_labels())[key] = value;
      request.mutable_update_mask()->add_paths("labels." + key);
    }
    content::UpdateResponse response;
    grpc::ClientContext context;
    Prepare(context, kCallTimeout);
    const grpc::Status status = content_->Update(&context, request, &response);
    if (!status.ok()) return Fail(ErrorFrom(status));
    return {};
  }

  Result<> Name(const std::string& name, const ArchivedBlob& manifest, bool pinned) {
    images::CreateImageRequest create;
    images::Image* image = create.mutable_image();
    image->set_name(name);
    image->mutable_target()->set_media_type(manifest.media_type);
    image->mutable_target()->set_digest(manifest.digest);
    image->mutable_target()->set_size(static_cast<int64_t>(manifest.size));
    if (pinned) (*image->mutable_labels())["io.cri-containerd.pinned"] = "pinned";
    {
      images::CreateImageResponse response;
      grpc::ClientContext context;
      Prepare(context, kCallTimeout);
      const grpc::Status status = images_->Create(&context, create, &response);
      if (status.ok()) return {};
      if (status.error_code() != grpc::StatusCode::ALREADY_EXISTS) return Fail(ErrorFrom(status));
    }
    images::UpdateImageRequest update;
    *update.mutable_image() = *image;
    update.mutable_update_mask()->add_paths("target");
    if (pinned) update.mutable_update_mask()->add_paths("labels.io.cri-containerd.pinned");
    images::UpdateImageResponse response;
    grpc::ClientContext context;
    Prepare(context, kCallTimeout);
    const grpc::Status status = images_->Update(&context, update, &response);
    if (!status.ok()) return Fail(ErrorFrom(status));
    return {};
  }

  const int file_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<content::Content::Stub> content_;
  const std::unique_ptr<images::Images::Stub> images_;
  const std::unique_ptr<leases::Leases::Stub> leases_;
  std::string lease_;
};

// Until CRI names the image `name` and means `config` by it.
Result<> WaitUntilVisible(ContainerRuntime& runtime, const std::string& name,
                          const std::string& config) {
  SystemClock clock;
  Mutex mutex;
  CondVar never;
  const Duration give_up = clock.Monotonic() + kVisibleMax;
  while (true) {
    const auto image = TRY(runtime.ImageStatus(name));
    if (image && image->id == config) return {};
    if (clock.Monotonic() > give_up) {
      return Fail(Reason::kTimeout, "containerd took " + name + " but CRI does not list it");
    }
    MutexLock lock(mutex);
    never.wait_for(lock, kVisibleStep);
  }
}

}  // namespace

Result<std::vector<ImportedImage>> ImportImages(const std::string& endpoint,
                                                ContainerRuntime& runtime, int file, bool pinned) {
  const std::vector<ArchivedImage> archived = TRY(ReadImageArchive(file));
  Importer importer(endpoint, file);
  TRY(importer.TakeLease());
  std::vector<ImportedImage> imported;
  for (const ArchivedImage& image : archived) {
    if (image.names.empty()) {
      return Fail(Reason::kBadRequest, "image archive: the image " + image.config.digest +
                                           " has no name; save it by name, not by id");
    }
    TRY(importer.Import(image, pinned));
    for (const std::string& name : image.names) {
      TRY(WaitUntilVisible(runtime, name, image.config.digest));
      imported.push_back({.name = name, .digest = image.manifest.digest});
    }
  }
  return imported;
}

Result<std::vector<ImportedImage>> ImportImageBytes(const std::string& endpoint,
                                                    ContainerRuntime& runtime,
                                                    std::string_view archive, bool pinned) {
  const int file = memfd_create("image", MFD_CLOEXEC);
  if (file < 0) return Fail(Reason::kInternalError, "memfd_create failed");
  size_t written = 0;
  while (written < archive.size()) {
    const ssize_t n = write(file, archive.data() + written, archive.size() - written);
    if (n <= 0) break;
    written += static_cast<size_t>(n);
  }
  auto imported = written == archive.size()
                      ? ImportImages(endpoint, runtime, file, pinned)
                      : Fail(Reason::kInternalError, "no memory for an image");
  close(file);
  return imported;
}

}  // namespace skiff::cri
