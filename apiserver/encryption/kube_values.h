// What a kube-apiserver v1.35.6 has put into an etcd, in base64: objects of the namespace default,
// each sealed by the key "key1" of 32 bytes, kKubeKey.
#pragma once

namespace skiff {

inline constexpr char kKubeKey[] = "0123456789abcdef0123456789abcdef";

// The Secret s1, by aescbc; its datum a is "MARKER-one".
inline constexpr char kKubeSecret[] =
    "azhzOmVuYzphZXNjYmM6djE6a2V5MTonEPfWECVXPksS5KK/DIIhlNIy902BQA76D79fGkAUckcO2eDJoLvfTgDT"
    "G8q2AEIs9+ekLHV+u8zaTzYlDuEGcCO1J73XGsfJU0yUV3wU4jIxvr9e2VjxZ3Rr+H9NMCH7U7qqQXEBaKzYzZQV"
    "WPS1rGruuA63rp/ajOm5qoQLmDyJWFU044Gg6ZZ7Na20tZ8DXHCIcTCdfjEVTFfWbb3HI4WzpSLfTKBSGw9be39f"
    "W0d+SXb5tlujhh2zCbquRoxpg9u/LLKDMydey7+EYSzVjuLjw/Cd4NhXKhVMfwrJpruyCCNCLfLtPW3GRvWAbjM=";

// The ConfigMap c1, by aesgcm; its datum a is "MARKER-two".
inline constexpr char kKubeConfigMap[] =
    "azhzOmVuYzphZXNnY206djE6a2V5MTqDYvbPux/ia9ShohQahmqISM7GuXnnW7MrmnNMh3Fu3wwbbedCOcxpb5e6"
    "WaxvbFgjgoVH5DywKj8x+3ScV9VQtUa0EANmm3yo5ShR0n0AKRWS8CuTt1AWkuQCeHa5Vnu35IsY6pY65WC879Aa"
    "ZJiQLKaVOiHjvT/clOIhZwr3dv31IUet85mn6DRGkWjz7GVnxlqrfi3eZEPK0wX/P54FTeDAd8/8UVt7t++zp5Om"
    "HSkFJKqsfXNWirvjhxkx/f/bD+4kp0AqehyAUyglHpDzZ+lQ1vifBekdW9mW";

// The ServiceAccount sa1, by secretbox; its annotation a is "MARKER-three".
inline constexpr char kKubeServiceAccount[] =
    "azhzOmVuYzpzZWNyZXRib3g6djE6a2V5MTpONBmArDr4rA33UkLWdU4llpbwH/v4VpqFuDXtyba7pvPvntVQrHH8"
    "P0fwwHZmzyrw513/Ul91mBq0UbtB44Xzf1xL2SHq0a1q7g9tQ7wu68r3Us7jJz2yd7IIkT5HlrLgtS0FAJD/niZL"
    "qyN0KgKgzJQ5JlCzj8b+nrboH2+IdK2/pO8HaRLRS09xH7EHw2T1YRJp9F/2E7q7+BOSoJzYyZuROgoU/jDFomHf"
    "djJGVsuwhLPusk5pUEziQu3JKMo44h+gzWzJbzuXDFDWHIPRZB9i5+mMeN5etME7NVUddE5U2BZbGmEZUh1PWutr"
    "qj98URpvNKFJzTEZP27qQZEWkg+RiJ/1";

}  // namespace skiff
