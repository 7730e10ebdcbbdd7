// The defaults that several kinds share. All do nothing the second time.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace skiff {

class Quantity;

namespace core_v1 {
struct PersistentVolumeClaim;
struct PersistentVolumeClaimSpec;
struct PersistentVolumeSpec;
struct PodSpec;
struct PodTemplateSpec;
struct ResourceRequirements;
struct Volume;
}  // namespace core_v1

// Gives an absent optional or an empty string its default.
template <typename Field, typename Value>
void Default(Field& field, Value&& value) {
  if constexpr (requires { field.has_value(); }) {
    if (!field.has_value()) field = std::forward<Value>(value);
  } else if constexpr (requires { field.empty(); }) {
    if (field.empty()) field = std::forward<Value>(value);
  } else {
    if (field == Field{}) field = std::forward<Value>(value);
  }
}

// Rounds amounts finer than a thousandth up to one.
void DefaultResourceList(std::map<std::string, Quantity>& resources);
void DefaultResources(core_v1::ResourceRequirements& resources);

// What holds in pods and in pod templates alike.
void DefaultPodSpec(core_v1::PodSpec& spec);
// Annotations that held init containers before there was a field for them are never kept.
void DropInitContainerAnnotations(std::map<std::string, std::string>& annotations);
// Both of the above.
void DefaultPodTemplate(core_v1::PodTemplateSpec& pod_template);
void DefaultVolume(core_v1::Volume& volume);
void DefaultPersistentVolumeClaim(core_v1::PersistentVolumeClaim& claim);
void DefaultPersistentVolumeClaimSpec(core_v1::PersistentVolumeClaimSpec& spec);
void DefaultPersistentVolumeSource(core_v1::PersistentVolumeSpec& spec);

// The pull policy of an image that names none: Always when its tag is "latest".
std::string_view DefaultPullPolicy(std::string_view image);

}  // namespace skiff
