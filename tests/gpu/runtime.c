/* A CUDA runtime for machines without a GPU. It computes nothing.
 *
 * Preloaded before torch, it answers in place of libcudart, libcuda and cuBLAS. "Device" memory is the host's, copies are
 * made, kernels do nothing: virtual.py gives the numbers. What is kept to the letter is what torch's own code and a step
 * of ours can get wrong: which stream is being captured into a graph, and what CUDA forbids meanwhile. The listener is
 * called for all that makes the host wait, or moves bytes between host and device.
 *
 * The rules are those of the CUDA C++ Programming Guide, sections "Asynchronous concurrent execution" and "CUDA graphs:
 * prohibited and unhandled operations". Functions that need no behaviour of their own are generated (stubs.py).
 */
#define _GNU_SOURCE
#include <cuda_runtime_api.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define GIVE(pointer, value) return *(pointer) = (value), cudaSuccess
#define OBJECT(pointer, size) return *(void **)(pointer) = calloc(1, size), cudaSuccess

static __thread cudaError_t last_error;
static cudaError_t failed(cudaError_t error) { return last_error = error; }
cudaError_t cudaGetLastError(void) { cudaError_t error = last_error; last_error = cudaSuccess; return error; }
cudaError_t cudaPeekAtLastError(void) { return last_error; }

/* -- What Python is told, and tells ------------------------------------------------------------------------------- */

enum { WAIT_FOR_STREAM, WAIT_FOR_DEVICE, WAIT_FOR_EVENT, ASK, TO_DEVICE, TO_HOST, OUTSIDE, ISOLATED }; /* virtual.py: WHAT */
static void (*listener)(int what, int captured);
static __thread int computed_elsewhere; /* while an operator runs whose numbers Python computes: its copies are left out */

void virtual_listen(void (*function)(int, int)) { listener = function; }
void virtual_computed_elsewhere(int on) { computed_elsewhere = on; }
static void heard(int what, int captured) { if (listener) listener(what, captured); }

/* -- Streams and the capture, one at a time ----------------------------------------------------------------------- */

typedef struct { int capture; } Stream;              /* the number of the capture that it belongs to or belonged to */
typedef struct { int capture, recorded; } Event;
typedef struct { size_t nodes; } Graph;
static struct { int number, broken; Graph *graph; } capture; /* number 0: none */
static int captures;
static Stream default_stream;
static __thread enum cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal; /* relaxed: torch's allocators, rightly */

static Stream *stream_of(cudaStream_t s) { return (size_t)s <= 2 ? &default_stream : (Stream *)s; }
static int captured(Stream *s) { return capture.number && s->capture == capture.number; }
static int strict(void) { return capture.number && mode != cudaStreamCaptureModeRelaxed; }
static cudaError_t forbidden(int what, cudaError_t error) {
  heard(what, 1);
  capture.broken = 1;
  return failed(error);
}
static cudaError_t enqueue(Stream *s) { /* any work: a node of the graph, or beside a capture that will not have it */
  if (captured(s)) capture.graph->nodes++;
  else if (capture.number) heard(OUTSIDE, 0);
  return cudaSuccess;
}
static cudaError_t wait_for(int what, int never) {
  if (never) return forbidden(what, cudaErrorStreamCaptureUnsupported);
  if (mode != cudaStreamCaptureModeRelaxed) heard(what, 0);
  return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t *s) { OBJECT(s, sizeof(Stream)); }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned flags) { OBJECT(s, sizeof(Stream)); }
cudaError_t cudaStreamCreateWithPriority(cudaStream_t *s, unsigned flags, int priority) { OBJECT(s, sizeof(Stream)); }
cudaError_t cudaStreamSynchronize(cudaStream_t s) {
  return wait_for(WAIT_FOR_STREAM, captured(stream_of(s))); /* one beside the capture may be waited for */
}
cudaError_t cudaDeviceSynchronize(void) { return wait_for(WAIT_FOR_DEVICE, strict()); }
cudaError_t cudaEventSynchronize(cudaEvent_t e) { return wait_for(WAIT_FOR_EVENT, strict()); }
cudaError_t cudaStreamQuery(cudaStream_t s) {
  return captured(stream_of(s)) ? forbidden(ASK, cudaErrorStreamCaptureUnsupported) : cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t *e) { OBJECT(e, sizeof(Event)); }
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned flags) { OBJECT(e, sizeof(Event)); }
cudaError_t cudaEventDestroy(cudaEvent_t e) { free(e); return cudaSuccess; }
cudaError_t cudaEventRecordWithFlags(cudaEvent_t e, cudaStream_t s, unsigned flags) {
  *(Event *)e = (Event){captured(stream_of(s)) ? capture.number : 0, 1};
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s) { return cudaEventRecordWithFlags(e, s, 0); }
cudaError_t cudaEventQuery(cudaEvent_t event) {
  Event *e = (Event *)event;
  if (capture.number && e->capture == capture.number) return forbidden(ASK, cudaErrorCapturedEvent);
  if (capture.number && mode == cudaStreamCaptureModeGlobal) return forbidden(ASK, cudaErrorStreamCaptureUnsupported);
  return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t from, cudaEvent_t to) { GIVE(milliseconds, 1.0f); }
cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t event, unsigned flags) {
  Event *e = (Event *)event;
  if (!e->recorded) return cudaSuccess;
  if (capture.number && e->capture == capture.number) stream_of(s)->capture = capture.number; /* it joins the capture */
  else if (captured(stream_of(s))) return forbidden(ISOLATED, cudaErrorStreamCaptureIsolation);
  return cudaSuccess;
}

cudaError_t cudaThreadExchangeStreamCaptureMode(enum cudaStreamCaptureMode *wanted) {
  enum cudaStreamCaptureMode before = mode;
  mode = *wanted;
  GIVE(wanted, before);
}
cudaError_t cudaStreamBeginCapture(cudaStream_t s, enum cudaStreamCaptureMode wanted) {
  if (stream_of(s) == &default_stream) return failed(cudaErrorStreamCaptureUnsupported);
  if (capture.number) return failed(cudaErrorIllegalState);
  stream_of(s)->capture = capture.number = ++captures;
  capture.broken = 0;
  capture.graph = calloc(1, sizeof(Graph));
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *graph) {
  if (!captured(stream_of(s))) return failed(cudaErrorIllegalState);
  *graph = capture.broken ? NULL : (cudaGraph_t)capture.graph;
  capture.number = 0;
  return capture.broken ? failed(cudaErrorStreamCaptureInvalidated) : cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t s, enum cudaStreamCaptureStatus *status) {
  GIVE(status, !captured(stream_of(s)) ? cudaStreamCaptureStatusNone
               : capture.broken ? cudaStreamCaptureStatusInvalidated : cudaStreamCaptureStatusActive);
}
cudaError_t cudaStreamGetCaptureInfo(cudaStream_t s, enum cudaStreamCaptureStatus *status, unsigned long long *number,
                                     cudaGraph_t *graph, const cudaGraphNode_t **dependencies,
                                     const cudaGraphEdgeData **edges, size_t *count) {
  cudaStreamIsCapturing(s, status);
  if (*status == cudaStreamCaptureStatusNone) return cudaSuccess;
  if (number) *number = capture.number;
  if (graph) *graph = (cudaGraph_t)capture.graph;
  if (dependencies) *dependencies = NULL;
  if (edges) *edges = NULL;
  if (count) *count = 0;
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *run, cudaGraph_t g, unsigned long long flags) { GIVE(run, (cudaGraphExec_t)g); }
cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t *run, cudaGraph_t g, unsigned long long f) { GIVE(run, (cudaGraphExec_t)g); }
cudaError_t cudaGraphGetNodes(cudaGraph_t g, cudaGraphNode_t *nodes, size_t *count) { GIVE(count, ((Graph *)g)->nodes); }
cudaError_t cudaGraphLaunch(cudaGraphExec_t run, cudaStream_t s) { return enqueue(stream_of(s)); }
cudaError_t cudaUserObjectCreate(cudaUserObject_t *o, void *p, cudaHostFn_t destroy, unsigned r, unsigned f) { OBJECT(o, 1); }

/* -- Memory: pages of the host, known by whether they stand for the device's or for pinned ones -------------------- */

typedef struct { char *begin; size_t size; int pinned; } Block;
static Block blocks[1 << 16];
static int block_count;
static size_t in_use;
static const size_t TOTAL = 80000000000;
static pthread_mutex_t blocks_lock = PTHREAD_MUTEX_INITIALIZER;

static Block block_of(const void *address) {
  Block found = {0};
  pthread_mutex_lock(&blocks_lock);
  for (int i = 0; i < block_count && !found.begin; i++)
    if ((char *)address >= blocks[i].begin && (char *)address < blocks[i].begin + blocks[i].size) found = blocks[i];
  pthread_mutex_unlock(&blocks_lock);
  return found;
}
static cudaError_t allocate(void **address, size_t size, int pinned) {
  size = (size + 4096) & ~(size_t)4095;
  *address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  pthread_mutex_lock(&blocks_lock);
  int full = *address == MAP_FAILED || block_count == sizeof blocks / sizeof *blocks;
  if (!full) blocks[block_count++] = (Block){*address, size, pinned};
  if (!full && !pinned) in_use += size;
  pthread_mutex_unlock(&blocks_lock);
  return full ? failed(cudaErrorMemoryAllocation) : cudaSuccess;
}
static cudaError_t release(void *address) {
  pthread_mutex_lock(&blocks_lock);
  for (int i = 0; i < block_count; i++)
    if (blocks[i].begin == address) {
      if (!blocks[i].pinned) in_use -= blocks[i].size;
      madvise(address, blocks[i].size, MADV_DONTNEED); /* stays mapped: whoever reads on finds zeros */
      blocks[i] = blocks[--block_count];
      break;
    }
  pthread_mutex_unlock(&blocks_lock);
  return cudaSuccess;
}
cudaError_t cudaMalloc(void **p, size_t size) { return allocate(p, size, 0); }
cudaError_t cudaMallocAsync(void **p, size_t size, cudaStream_t s) { return allocate(p, size, 0); }
cudaError_t cudaMallocManaged(void **p, size_t size, unsigned flags) { return allocate(p, size, 0); }
cudaError_t cudaHostAlloc(void **p, size_t size, unsigned flags) { return allocate(p, size, 1); }
cudaError_t cudaMallocHost(void **p, size_t size) { return allocate(p, size, 1); }
cudaError_t cudaFree(void *p) { return release(p); }
cudaError_t cudaFreeAsync(void *p, cudaStream_t s) { return release(p); }
cudaError_t cudaFreeHost(void *p) { return release(p); }
cudaError_t cudaMemGetInfo(size_t *rest, size_t *total) { *rest = TOTAL - in_use; GIVE(total, TOTAL); }
cudaError_t cudaPointerGetAttributes(struct cudaPointerAttributes *a, const void *p) {
  Block block = block_of(p);
  memset(a, 0, sizeof *a);
  a->type = !block.begin ? cudaMemoryTypeUnregistered : block.pinned ? cudaMemoryTypeHost : cudaMemoryTypeDevice;
  if (block.begin) a->hostPointer = a->devicePointer = (void *)p;
  return cudaSuccess;
}

static cudaError_t copy(void *to, const void *from, size_t size, Stream *s, int waits) {
  Block target = block_of(to), source = block_of(from);
  int on_device = target.begin && !target.pinned, from_device = source.begin && !source.pinned;
  int what = on_device && !source.begin ? TO_DEVICE : from_device && !on_device ? TO_HOST : -1; /* from pinned: no wait */
  if (waits && strict()) return forbidden(what, cudaErrorStreamCaptureImplicit);
  if (what >= 0) heard(what, captured(s));
  enqueue(s);
  if (!captured(s) && !(computed_elsewhere && on_device && from_device)) memmove(to, from, size);
  return cudaSuccess;
}
cudaError_t cudaMemcpy(void *to, const void *from, size_t size, enum cudaMemcpyKind kind) {
  return copy(to, from, size, &default_stream, 1);
}
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t size, enum cudaMemcpyKind kind, cudaStream_t s) {
  return copy(to, from, size, stream_of(s), 0);
}
cudaError_t cudaMemcpyPeerAsync(void *to, int d, const void *from, int e, size_t size, cudaStream_t s) {
  return copy(to, from, size, stream_of(s), 0);
}
cudaError_t cudaMemsetAsync(void *p, int value, size_t size, cudaStream_t s) {
  enqueue(stream_of(s));
  if (!captured(stream_of(s)) && !computed_elsewhere) memset(p, value, size);
  return cudaSuccess;
}
cudaError_t cudaMemset(void *p, int value, size_t size) { return cudaMemsetAsync(p, value, size, NULL); }

/* -- Kernels: nothing happens, but on which stream it would is looked at ------------------------------------------- */

cudaError_t cudaLaunchKernel(const void *f, dim3 grid, dim3 block, void **a, size_t m, cudaStream_t s) { return enqueue(stream_of(s)); }
cudaError_t __cudaLaunchKernel(cudaKernel_t f, dim3 grid, dim3 block, void **a, size_t m, cudaStream_t s) { return enqueue(stream_of(s)); }
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t *config, const void *f, void **a) { return enqueue(stream_of(config->stream)); }
cudaError_t __cudaGetKernel(cudaKernel_t *kernel, const void *f) { GIVE(kernel, (cudaKernel_t)f); }

static __thread struct { dim3 grid, block; size_t shared; void *stream; } pushed[64]; /* what f<<<…>>> compiles to */
static __thread int depth;
unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, struct CUstream_st *stream) {
  pushed[depth].grid = grid, pushed[depth].block = block, pushed[depth].shared = shared, pushed[depth++].stream = stream;
  return 0;
}
cudaError_t __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared, void *stream) {
  *grid = pushed[--depth].grid, *block = pushed[depth].block, *shared = pushed[depth].shared;
  GIVE((void **)stream, pushed[depth].stream);
}
cudaError_t cudaFuncGetAttributes(struct cudaFuncAttributes *a, const void *f) {
  *a = (struct cudaFuncAttributes){.maxThreadsPerBlock = 1024, .numRegs = 32, .ptxVersion = 90, .binaryVersion = 90,
                                   .maxDynamicSharedSizeBytes = 49152};
  return cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *n, const void *f, int threads, size_t m) { GIVE(n, threads ? 2048 / threads : 2); }
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *n, const void *f, int threads, size_t m, unsigned g) { GIVE(n, threads ? 2048 / threads : 2); }
cudaError_t cudaGetSymbolAddress(void **address, const void *symbol) { static char constants[1 << 16]; GIVE(address, constants); }

/* -- The device: one of the size of an H100 ----------------------------------------------------------------------- */

cudaError_t cudaGetDeviceCount(int *count) { GIVE(count, 1); }
cudaError_t cudaGetDevice(int *device) { GIVE(device, 0); }
cudaError_t cudaSetDevice(int device) { return device ? failed(cudaErrorInvalidDevice) : cudaSuccess; }
cudaError_t cudaDriverGetVersion(int *version) { GIVE(version, CUDART_VERSION); }
cudaError_t cudaRuntimeGetVersion(int *version) { GIVE(version, CUDART_VERSION); }
cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest) { *least = 0; GIVE(greatest, -5); }
cudaError_t cudaDeviceCanAccessPeer(int *can, int device, int peer) { GIVE(can, 0); }
cudaError_t cudaDeviceGetPCIBusId(char *name, int size, int device) { snprintf(name, size, "0000:00:00.0"); return cudaSuccess; }
cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int device) {
  *p = (struct cudaDeviceProp){
      .name = "Virtual GPU", .major = 9, .minor = 0, .totalGlobalMem = TOTAL, .warpSize = 32, .multiProcessorCount = 132,
      .maxThreadsPerBlock = 1024, .maxThreadsDim = {1024, 1024, 64}, .maxGridSize = {2147483647, 65535, 65535},
      .sharedMemPerBlock = 49152, .sharedMemPerBlockOptin = 232448, .sharedMemPerMultiprocessor = 233472,
      .regsPerBlock = 65536, .regsPerMultiprocessor = 65536, .maxThreadsPerMultiProcessor = 2048,
      .maxBlocksPerMultiProcessor = 32, .l2CacheSize = 52428800, .totalConstMem = 65536, .textureAlignment = 512,
      .memoryBusWidth = 5120, .asyncEngineCount = 3, .unifiedAddressing = 1, .managedMemory = 1, .canMapHostMemory = 1,
      .concurrentManagedAccess = 1, .concurrentKernels = 1, .streamPrioritiesSupported = 1, .cooperativeLaunch = 1};
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attribute, int device) {
  struct cudaDeviceProp p;
  cudaGetDeviceProperties(&p, device);
  switch (attribute) {
    case cudaDevAttrComputeCapabilityMajor: GIVE(value, p.major);
    case cudaDevAttrComputeCapabilityMinor: GIVE(value, p.minor);
    case cudaDevAttrWarpSize: GIVE(value, p.warpSize);
    case cudaDevAttrMultiProcessorCount: GIVE(value, p.multiProcessorCount);
    case cudaDevAttrMaxThreadsPerBlock: GIVE(value, p.maxThreadsPerBlock);
    case cudaDevAttrMaxBlockDimX: GIVE(value, p.maxThreadsDim[0]);
    case cudaDevAttrMaxBlockDimY: GIVE(value, p.maxThreadsDim[1]);
    case cudaDevAttrMaxBlockDimZ: GIVE(value, p.maxThreadsDim[2]);
    case cudaDevAttrMaxGridDimX: GIVE(value, p.maxGridSize[0]);
    case cudaDevAttrMaxGridDimY: GIVE(value, p.maxGridSize[1]);
    case cudaDevAttrMaxGridDimZ: GIVE(value, p.maxGridSize[2]);
    case cudaDevAttrMaxSharedMemoryPerBlock: GIVE(value, p.sharedMemPerBlock);
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: GIVE(value, p.sharedMemPerBlockOptin);
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor: GIVE(value, p.sharedMemPerMultiprocessor);
    case cudaDevAttrMaxRegistersPerBlock: GIVE(value, p.regsPerBlock);
    case cudaDevAttrMaxRegistersPerMultiprocessor: GIVE(value, p.regsPerMultiprocessor);
    case cudaDevAttrMaxThreadsPerMultiProcessor: GIVE(value, p.maxThreadsPerMultiProcessor);
    case cudaDevAttrMaxBlocksPerMultiprocessor: GIVE(value, p.maxBlocksPerMultiProcessor);
    case cudaDevAttrL2CacheSize: GIVE(value, p.l2CacheSize);
    default: GIVE(value, 0);
  }
}

/* -- The driver and the libraries of linear algebra, as far as torch asks them for an answer ------------------------ */

static int does_nothing(void) { return 0; }
cudaError_t cudaGetDriverEntryPointByVersion(const char *name, void **function, unsigned version, unsigned long long flags,
                                             enum cudaDriverEntryPointQueryResult *result) {
  if (result) *result = cudaDriverEntryPointSuccess;
  GIVE(function, (void *)does_nothing);
}
int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) { *flags = 0; GIVE(active, 1); }
int cuDeviceGet(int *device, int number) { GIVE(device, number); }
int cuCtxGetCurrent(void **context) { OBJECT(context, 1); }
int cuGetErrorString(int error, const char **text) { GIVE(text, "an error of the virtual GPU"); }
int cublasCreate_v2(void **handle) { OBJECT(handle, 64); }
int cublasGetMathMode(void *handle, int *answer) { GIVE(answer, 0); }
int cublasGetPointerMode_v2(void *handle, int *answer) { GIVE(answer, 0); }
size_t cublasLtGetVersion(void) { return 130200; }
int cublasLtMatmulDescCreate(void **d, int compute, int scale) { OBJECT(d, 512); }
int cublasLtMatmulPreferenceCreate(void **d) { OBJECT(d, 512); }
int cublasLtMatrixLayoutCreate(void **d, int type, unsigned long rows, unsigned long columns, long stride) { OBJECT(d, 512); }
int cublasLtMatmulAlgoGetHeuristic(void *h, void *o, void *a, void *b, void *c, void *d, void *p, int wanted, void *found, int *count) {
  memset(found, 0, 96); /* one algorithm that needs no workspace */
  GIVE(count, 1);
}
int cusolverDnCreate(void **handle) { OBJECT(handle, 64); }
int cusparseCreate(void **handle) { OBJECT(handle, 64); }
