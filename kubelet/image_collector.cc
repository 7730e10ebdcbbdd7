#include "kubelet/image_collector.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace skiff::kubelet {
namespace {

// Every new pod needs it, and no container shows that it is in use. Newer runtimes pin it.
bool IsPause(const cri::Image& image) {
  return std::any_of(image.repo_tags.begin(), image.repo_tags.end(), [](const std::string& tag) {
    return tag.find("/pause:") != std::string::npos || tag.starts_with("pause:");
  });
}

}  // namespace

std::vector<ImageRecord> ImagesToRemove(std::vector<ImageRecord> images, int64_t bytes,
                                        Duration now, Duration minimum_age) {
  std::erase_if(images, [&](const ImageRecord& image) {
    return image.in_use || image.pinned || now - image.first_seen < minimum_age;
  });
  std::sort(images.begin(), images.end(), [](const ImageRecord& a, const ImageRecord& b) {
    return std::pair(a.last_used, a.first_seen) < std::pair(b.last_used, b.first_seen);
  });
  int64_t freed = 0;
  size_t count = 0;
  while (count < images.size() && freed < bytes) freed += images[count++].size_bytes;
  images.resize(count);
  return images;
}

std::vector<ImageRecord> OldImages(std::vector<ImageRecord> images, Duration now, Duration began,
                                   Duration maximum_age) {
  if (maximum_age <= Duration::zero() || now - began <= maximum_age) return {};
  std::erase_if(images, [&](const ImageRecord& image) {
    // One that was just pulled was never in use, and is wanted.
    const Duration last_wanted = std::max({image.last_used, image.first_seen, began});
    return image.in_use || image.pinned || now - last_wanted <= maximum_age;
  });
  return images;
}

void ImageCollector::RemoveOld() {
  if (settings_.maximum_age <= Duration::zero()) return;
  std::vector<ImageRecord> old;
  {
    MutexLock lock(mutex_);
    if (!Look()) return;  // The runtime is away; the next look finds them.
    old = OldImages(Images(), dependencies_.clock.Monotonic(), began_, settings_.maximum_age);
  }
  const auto removed = Remove(old);
  if (!removed) dependencies_.warn("ImageGCFailed", removed.error().message);
}

Duration ImageCollector::Step() {
  RemoveOld();
  const auto disk = dependencies_.measure();
  if (!disk) return kPeriod;
  if (disk->capacity <= 0) {
    dependencies_.warn("InvalidDiskCapacity", "invalid capacity 0 on image filesystem");
    return kPeriod;
  }
  const int64_t used = disk->capacity - disk->available;
  const auto part = [&](int percent) { return disk->capacity / 100 * percent; };
  if (used < part(settings_.high_threshold_percent)) {
    MutexLock lock(mutex_);
    (void)Look();  // When images were used last is known from looking now and then.
    return kPeriod;
  }
  const int64_t wanted = used - part(settings_.low_threshold_percent);
  const auto freed = Free(wanted);
  if (!freed) {
    dependencies_.warn("ImageGCFailed", freed.error().message);
  } else if (*freed < wanted) {
    dependencies_.warn(
        "FreeDiskSpaceFailed",
        fmt::format("Insufficient free disk space on the node's image filesystem ({}% of {} used). "
                    "Failed to free sufficient space by deleting unused images (freed {} bytes). "
                    "Investigate disk usage, as it could be used by active images, logs, volumes, "
                    "or other data.",
                    used * 100 / disk->capacity,
                    Quantity::FromValue(disk->capacity, /*binary_suffix=*/true).Text(), *freed));
  }
  return kPeriod;
}

Result<> ImageCollector::Look() {
  const Duration now = dependencies_.clock.Monotonic();
  const TimePoint looked_at = dependencies_.clock.Now();
  const auto images = TRY(dependencies_.runtime.ListImages(""));
  const auto containers = TRY(dependencies_.runtime.ListContainers({}));
  std::set<std::string> used;
  for (const cri::Container& container : containers) {
    used.insert({container.image_ref, container.image_id, container.image.image});
  }
  std::map<std::string, ImageRecord> seen;
  for (const cri::Image& image : images) {
    ImageRecord& record = seen[image.id];
    const auto before = images_.find(image.id);
    if (before != images_.end()) {
      record = before->second;
    } else {
      record.first_seen = now;
    }
    record.id = image.id;
    record.size_bytes = static_cast<int64_t>(image.size_bytes);
    record.pinned = image.pinned || IsPause(image);
    record.in_use = used.contains(image.id);
    for (const auto* names : {&image.repo_tags, &image.repo_digests}) {
      for (const std::string& name : *names) record.in_use |= used.contains(name);
    }
    if (record.in_use) record.last_used = now;
  }
  images_ = std::move(seen);
  if (dependencies_.seen) {
    std::set<std::string> ids;
    for (const auto& [id, record] : images_) ids.insert(id);
    dependencies_.seen(ids, looked_at);
  }
  return {};
}

Result<int64_t> ImageCollector::Free(int64_t bytes) {
  std::vector<ImageRecord> chosen;
  {
    MutexLock lock(mutex_);
    TRY(Look());
    chosen = Images();
  }
  return Remove(ImagesToRemove(std::move(chosen), bytes, dependencies_.clock.Monotonic(),
                               settings_.minimum_age));
}

std::vector<ImageRecord> ImageCollector::Images() const {
  std::vector<ImageRecord> images;
  for (const auto& [id, record] : images_) images.push_back(record);
  return images;
}

Result<int64_t> ImageCollector::Remove(const std::vector<ImageRecord>& chosen) {
  int64_t freed = 0;
  Result<> outcome;
  for (const ImageRecord& image : chosen) {
    const auto removed = dependencies_.runtime.RemoveImage(image.id);
    if (removed) {
      freed += image.size_bytes;
      log_.Info("image removed", {{"image", image.id}, {"bytes", image.size_bytes}});
    } else {
      outcome = removed;
    }
  }
  if (freed == 0 && !outcome) return tl::unexpected(outcome.error());
  return freed;
}

}  // namespace skiff::kubelet
