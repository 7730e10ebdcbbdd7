// Apply without owners, as mutating admission policies do it.
#include "api/codec/kept_text.h"
#include "api/patch/apply.h"
#include "api/patch/merge.h"

namespace skiff {
namespace {

// Where a configuration has parts that are atomic. It has passed CheckApplied.
class AtomicParts {
 public:
  void Walk(const Spot& spot, const Json& value) {
    if (spot.type == nullptr || text_.size() > kTextBytesMax) return;
    if (const Type* kept = KeptAsText(*spot.type)) return Walk({kept, nullptr}, value);
    const Shape shape = spot.type->shape;
    const bool is_list = shape == Shape::kList && value.is_array();
    const bool is_map =
        (shape == Shape::kStruct || shape == Shape::kMap) && value.is_object();
    if (!is_list && !is_map) return;
    if (spot.IsAtomic()) text_ += (text_.empty() ? "" : ", ") + path_;
    const size_t length = path_.size();
    for (size_t i = 0; is_list && i < value.size(); ++i) {
      path_ += "[" + std::to_string(i) + "]";
      Walk(spot.Item(), value[i]);
      path_.resize(length);
    }
    // What a map holds by keys is no field of it: Kubernetes does not look there.
    if (!is_map || shape == Shape::kMap) return;
    for (const auto& [name, member] : value.items()) {
      Spot below;
      if (!spot.Member(name, below)) continue;
      path_.append(".").append(name);
      Walk(below, member);
      path_.resize(length);
    }
  }

  const std::string& text() const { return text_; }

 private:
  static constexpr size_t kTextBytesMax = 1 << 16;
  std::string path_;
  std::string text_;
};

}  // namespace

Result<Json> MergeConfiguration(const Type& type, Json live, Json configuration) {
  configuration.erase("kind");
  configuration.erase("apiVersion");
  if (const std::string misfit = CheckMade(type, configuration); !misfit.empty()) {
    return Fail(Reason::kInvalid, "failed to convert patch object to typed object: " + misfit);
  }
  const Spot root{&type, nullptr};
  AtomicParts atomic;
  atomic.Walk(root, configuration);
  if (!atomic.text().empty()) {
    return Fail(Reason::kInvalid,
                "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: " +
                    atomic.text());
  }
  const Json version = live.value("apiVersion", Json());
  const Json kind = live.value("kind", Json());
  live.erase("apiVersion");
  live.erase("kind");
  // What has a struct fits.
  const std::string misfit = type.ops == nullptr ? CheckKept(type, live) : "";
  if (!misfit.empty()) {
    return Fail(Reason::kInvalid, "failed to convert original object to typed object: " + misfit);
  }
  Json merged = MergeApplied(root, std::move(live), configuration);
  merged["apiVersion"] = version;
  merged["kind"] = kind;
  return merged;
}

}  // namespace skiff
