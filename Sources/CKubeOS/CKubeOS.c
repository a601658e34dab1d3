#include "CKubeOS.h"
