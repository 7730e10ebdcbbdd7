// Volumes of CSI drivers that pods have as devices: how they are taken back.
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "kubelet/csi/csi_volumes.h"
#include "kubelet/csi/names.h"
#include "kubelet/csi/volume_data.h"
#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet::csi {
namespace {

namespace fs = std::filesystem;

Result<> Remove(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  const int code = errno;
  return Fail(SystemError("remove " + path, code));
}

}  // namespace

// Nothing of it is mounted any more (DeviceMaps::Unmap).
Result<> CsiVolumes::TearDownDevice(const std::string& pod_uid, const std::string& link) {
  const std::string volume = fs::path(link).filename();
  const DevicePlaces places = DevicePlacesOf(root_, volume);
  const auto data = ReadVolumeData(places.data);
  // It never came so far that the driver was asked.
  if (!data && data.error().reason == Reason::kNotFound) return Remove(link);
  if (!data) return Fail(data.error());
  const NodeClient client(TRY(drivers_.Endpoint(data->driver)));
  const Turn turn(*this, UniqueName(data->driver, data->handle));
  if (WasAsked(link)) {
    TRY(client.Unpublish(data->handle, Known(places.publish + "/" + pod_uid)));
  }
  Unpublished(link);
  if (const auto done = UnstageDeviceUnlessUsed(client, link, data->handle); !done) {
    Leave({.volume = *data, .device = volume}, done.error());
  }
  Forget(link);
  return Remove(link);
}

Result<> CsiVolumes::UnstageDeviceUnlessUsed(const NodeClient& client, const std::string& link,
                                             const std::string& handle) {
  const std::string volume = fs::path(link).filename();
  const auto uids = TRY(PodDirectories(root_));
  for (const auto& uid : uids) {
    const auto others = TRY(DeviceLinks(root_, uid));
    for (const auto& other : others) {
      if (other != link && fs::path(other).filename() == volume) return {};
    }
  }
  const DevicePlaces places = DevicePlacesOf(root_, volume);
  if (access(places.staging.c_str(), F_OK) == 0) {
    TRY(Unstage(client, handle, places.staging));
    TRY(RemoveTree(places.staging));
  }
  rmdir(places.publish.c_str());  // Has nothing in it, unless a driver left it there.
  return RemoveTree(places.volume);
}

}  // namespace skiff::kubelet::csi
