#include "kubelet/csi/volume_data.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <fstream>

#include "api/codec/json.h"
#include "kubelet/csi/names.h"
#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet::csi {
namespace {

constexpr size_t kDataBytesMax = 64 << 10;

std::string TextOf(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

Result<> WriteVolumeData(const std::string& directory, const VolumeData& data) {
  Json object = {{"volumeHandle", data.handle}, {"driverName", data.driver}};
  if (!data.spec_name.empty()) {
    object["specVolID"] = data.spec_name;
    object["nodeName"] = data.node;
    object["volumeLifecycleMode"] = data.lifecycle;
    object["attachmentID"] = data.attachment;
  }
  const std::string path = directory + "/" + kVolumeData;
  // Whoever reads it finds all of it or none.
  const std::string unfinished = path + ".new";
  std::ofstream(unfinished) << object.dump() << "\n";
  if (std::rename(unfinished.c_str(), path.c_str()) != 0) {
    const int code = errno;
    return Fail(SystemError("write " + path, code));
  }
  return {};
}

Result<VolumeData> ReadVolumeData(const std::string& directory) {
  const auto file = TRY(OpenRegularFile(directory + "/" + kVolumeData));
  const Json object = TRY(ParseJson(TRY(ReadWhole(file, kDataBytesMax))));
  if (!object.is_object()) return Fail(Reason::kInvalid, directory + ": no object");
  return VolumeData{TextOf(object, "driverName"),          TextOf(object, "volumeHandle"),
                    TextOf(object, "specVolID"),           TextOf(object, "nodeName"),
                    TextOf(object, "volumeLifecycleMode"), TextOf(object, "attachmentID")};
}

std::vector<std::string> VolumeDirectories(const std::string& root, const std::string& pod_uid) {
  const std::string all = fmt::format("{}/pods/{}/volumes/{}", root, pod_uid, kPlugin);
  std::vector<std::string> directories;
  for (const auto& name : NamesIn(all)) directories.push_back(all + "/" + name);
  return directories;
}

std::vector<std::string> DeviceLinks(const std::string& root, const std::string& pod_uid) {
  const std::string all = fmt::format("{}/pods/{}/volumeDevices/{}", root, pod_uid, kPlugin);
  std::vector<std::string> links;
  for (const auto& name : NamesIn(all)) links.push_back(all + "/" + name);
  return links;
}

std::vector<std::string> PodDirectories(const std::string& root) {
  return NamesIn(root + "/pods");
}

}  // namespace skiff::kubelet::csi
