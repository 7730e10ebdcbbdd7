#include "apiserver/storage/etcd_values.h"

#include "apiserver/storage/record_header.h"

namespace skiff {
namespace {

constexpr std::string_view kFrame{"skiff\0", 6};
constexpr size_t kPlaceBytes = 8;
constexpr size_t kLargeBytes = 1 << 20;  // Etcd takes half as much again.
constexpr std::string_view kVersionMember = "\"resourceVersion\":\"";
constexpr std::string_view kProtobufMagic{"k8s\0", 4};

// The JSON text of a record, without its resourceVersion member; nullopt when the value is not an
// object's record with the revision where Write has it.
std::optional<std::string> PlainObject(std::string_view value, size_t revision_at) {
  const auto view = ObjectView::Of(value);
  if (!view || revision_at == std::string::npos) return std::nullopt;
  auto [before, revision, after] = view->pieces();
  const auto place = static_cast<size_t>(before.data() + before.size() - value.data());
  if (!revision.empty() || place != revision_at || !before.ends_with(kVersionMember) ||
      !after.starts_with('"')) {
    return std::nullopt;
  }
  before.remove_suffix(kVersionMember.size());
  after.remove_prefix(1);
  if (before.ends_with(',')) {
    before.remove_suffix(1);
  } else if (after.starts_with(',')) {
    after.remove_prefix(1);
  }
  std::string text;
  text.reserve(before.size() + after.size() + 1);
  return text.append(before).append(after).append("\n");
}

}  // namespace

std::string FramedForEtcd(std::string_view value, size_t revision_at) {
  std::string bytes(kFrame);
  const uint64_t place = revision_at == std::string::npos ? UINT64_MAX : revision_at;
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(place >> shift));
  return bytes.append(value);
}

std::string ToEtcd(std::string_view value, size_t revision_at, const ProtobufWriter& write_object) {
  auto text = PlainObject(value, revision_at);
  if (!text) return FramedForEtcd(value, revision_at);
  if (text->size() > kLargeBytes && write_object) {
    if (auto bytes = write_object(*text)) return *std::move(bytes);
  }
  return *std::move(text);
}

std::string FromEtcd(std::string_view bytes, Revision modified, const ObjectReader& read_object) {
  if (bytes.starts_with(kFrame) && bytes.size() >= kFrame.size() + kPlaceBytes) {
    bytes.remove_prefix(kFrame.size());
    uint64_t place = 0;
    for (size_t i = 0; i < kPlaceBytes; ++i) place = place << 8 | static_cast<uint8_t>(bytes[i]);
    std::string value(bytes.substr(kPlaceBytes));
    if (place <= value.size()) value.insert(place, std::to_string(modified.value));
    return value;
  }
  const bool object = bytes.starts_with('{') || bytes.starts_with(kProtobufMagic);
  if (object && read_object) {
    if (auto value = read_object(bytes, modified)) return *std::move(value);
  }
  return std::string(bytes);
}

}  // namespace skiff
