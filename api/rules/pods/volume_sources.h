// Volume sources that pods and persistent volumes have in common, or nearly so. `path` is the
// source's. What they leave out is that persistent volumes name secrets with a namespace.
#pragma once

#include <string>

#include "api/gen/core_v1.h"
#include "api/select/field_path.h"

namespace skiff {

class Violations;

void ValidateHostPath(const core_v1::HostPathVolumeSource& source, const FieldPath& path,
                      Violations& out);
void ValidateGitRepo(const core_v1::GitRepoVolumeSource& source, const FieldPath& path,
                     Violations& out);
void ValidateGceDisk(const core_v1::GCEPersistentDiskVolumeSource& source, const FieldPath& path,
                     Violations& out);
void ValidateAwsVolume(const core_v1::AWSElasticBlockStoreVolumeSource& source,
                       const FieldPath& path, Violations& out);
void ValidateNfs(const core_v1::NFSVolumeSource& source, const FieldPath& path, Violations& out);
// `volume_path` is where the volume stands that has this source.
void ValidateIscsi(const core_v1::ISCSIVolumeSource& source, const std::string& volume_name,
                   const FieldPath& volume_path, const FieldPath& path, Violations& out);
// "iqn.2001-04.com.example:storage"; false also when it begins like none of the three formats.
bool IsIscsiName(const std::string& name);
void ValidateGlusterfs(const core_v1::GlusterfsVolumeSource& source, const FieldPath& path,
                       Violations& out);
void ValidateFlocker(const core_v1::FlockerVolumeSource& source, const FieldPath& path,
                     Violations& out);
void ValidateRbd(const core_v1::RBDVolumeSource& source, const FieldPath& path, Violations& out);
void ValidateCinder(const core_v1::CinderVolumeSource& source, const FieldPath& path,
                    Violations& out);
void ValidateCephfs(const core_v1::CephFSVolumeSource& source, const FieldPath& path,
                    Violations& out);
void ValidateQuobyte(const core_v1::QuobyteVolumeSource& source, const FieldPath& path,
                     Violations& out);
void ValidateFc(const core_v1::FCVolumeSource& source, const FieldPath& path, Violations& out);
void ValidateFlexVolume(const core_v1::FlexVolumeSource& source, const FieldPath& path,
                        Violations& out);
void ValidateAzureFile(const core_v1::AzureFileVolumeSource& source, const FieldPath& path,
                       Violations& out);
void ValidateVsphere(const core_v1::VsphereVirtualDiskVolumeSource& source, const FieldPath& path,
                     Violations& out);
void ValidatePhoton(const core_v1::PhotonPersistentDiskVolumeSource& source, const FieldPath& path,
                    Violations& out);
void ValidatePortworx(const core_v1::PortworxVolumeSource& source, const FieldPath& path,
                      Violations& out);
void ValidateAzureDisk(const core_v1::AzureDiskVolumeSource& source, const FieldPath& path,
                       Violations& out);
void ValidateStorageos(const core_v1::StorageOSVolumeSource& source, const FieldPath& path,
                       Violations& out);
void ValidateScaleIo(const core_v1::ScaleIOVolumeSource& source, const FieldPath& path,
                     Violations& out);

}  // namespace skiff
