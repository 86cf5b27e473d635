{{/*
The pieces that Airflow's pods are made of. Each is called with (dict "root" $ …).
*/}}

{{/* The environment: settings from the ConfigMap, secrets by reference, and what `airflow.env` adds. */}}
{{- define "nightjar.airflow.environment" -}}
{{- $root := .root -}}
{{- $airflow := $root.Values.airflow -}}
{{- $keys := $airflow.keys.existingSecret | default (printf "%s-airflow-keys" (include "nightjar.fullname" $root)) -}}
envFrom:
  - configMapRef:
      name: {{ include "nightjar.fullname" $root }}-airflow
{{- with $airflow.envFrom }}
{{ toYaml . | indent 2 }}
{{- end }}
env:
  - name: AIRFLOW__DATABASE__SQL_ALCHEMY_CONN
    valueFrom:
      secretKeyRef:
        name: {{ include "nightjar.airflow.databaseSecret" $root }}
        key: {{ $root.Values.postgres.enabled | ternary "connection" $airflow.database.key }}
{{- if and $airflow.database.asyncKey (not $root.Values.postgres.enabled) }}
  - name: AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC
    valueFrom:
      secretKeyRef:
        name: {{ include "nightjar.airflow.databaseSecret" $root }}
        key: {{ $airflow.database.asyncKey }}
{{- end }}
{{- range $name, $key := dict "AIRFLOW__CORE__FERNET_KEY" "fernet-key" "AIRFLOW__API__SECRET_KEY" "api-secret-key" "AIRFLOW__API_AUTH__JWT_SECRET" "jwt-secret" }}
  - name: {{ $name }}
    valueFrom:
      secretKeyRef:
        name: {{ $keys }}
        key: {{ $key }}
{{- end }}
{{- with $airflow.auth.oidc }}
{{- if and .issuer (not $airflow.auth.trial) }}
  - name: OIDC_CLIENT_SECRET
    valueFrom:
      secretKeyRef:
        name: {{ .existingSecret }}
        key: {{ .key }}
{{- end }}
{{- end }}
{{- with $root.Values.kubernetes.apiServer }}
{{- if .host }}
  - name: KUBERNETES_SERVICE_HOST
    value: {{ .host | quote }}
  - name: KUBERNETES_SERVICE_PORT
    value: {{ .port | toString | quote }}
{{- end }}
{{- end }}
{{- range $name, $value := $airflow.env }}
  - name: {{ $name }}
    value: {{ $value | toString | quote }}
{{- end }}
{{- end -}}

{{/* The Secret with the database's address. */}}
{{- define "nightjar.airflow.databaseSecret" -}}
{{- if .Values.postgres.enabled -}}
{{- include "nightjar.fullname" . }}-postgres
{{- else -}}
{{- required "airflow.database.existingSecret: expected the name of a Secret with PostgreSQL's address (or postgres.enabled, for trying)" .Values.airflow.database.existingSecret -}}
{{- end -}}
{{- end -}}

{{/* Where a container writes and which files it is given. */}}
{{- define "nightjar.airflow.mounts" -}}
{{- $root := .root -}}
- name: home
  mountPath: /opt/airflow
- name: tmp
  mountPath: /tmp
- name: s3
  mountPath: /etc/nightjar/secrets/{{ include "nightjar.airflow.s3Secret" $root }}
  readOnly: true
- name: channels
  mountPath: /etc/nightjar/secrets/{{ include "nightjar.airflow.channelsSecret" $root }}
  readOnly: true
{{- if not $root.Values.airflow.auth.trial }}
- name: login
  mountPath: /etc/nightjar/login
  readOnly: true
{{- end }}
- name: probes
  mountPath: /etc/nightjar/probes
  readOnly: true
{{- with $root.Values.airflow.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "nightjar.airflow.s3Secret" -}}
{{- (include "nightjar.environment" . | fromYaml).NIGHTJAR_S3_SECRET | default "nightjar-s3" -}}
{{- end -}}

{{- define "nightjar.airflow.channelsSecret" -}}
{{- (include "nightjar.environment" . | fromYaml).NIGHTJAR_CHANNELS_SECRET | default "nightjar-channels" -}}
{{- end -}}

{{/*
The volumes of these. The secrets are optional: S3 may be reached by a role, and there may be no channels. The task
logs of a running task are in `home`, so its bound has room for them.
*/}}
{{- define "nightjar.airflow.volumes" -}}
{{- $root := .root -}}
- name: home
  emptyDir:
    sizeLimit: {{ $root.Values.airflow.homeSize }}
- name: tmp
  emptyDir:
    sizeLimit: {{ $root.Values.airflow.tmpSize }}
- name: s3
  secret:
    secretName: {{ include "nightjar.airflow.s3Secret" $root }}
    optional: true
    defaultMode: 0440
- name: channels
  secret:
    secretName: {{ include "nightjar.airflow.channelsSecret" $root }}
    optional: true
    defaultMode: 0440
{{- if not $root.Values.airflow.auth.trial }}
- name: login
  configMap:
    name: {{ $root.Values.airflow.auth.existingConfigMap | default (printf "%s-airflow-login" (include "nightjar.fullname" $root)) }}
{{- end }}
- name: probes
  configMap:
    name: {{ include "nightjar.fullname" $root }}-airflow-probes
{{- with $root.Values.airflow.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
One of Airflow's containers: "component", "values" (its section of the values), "skipLogs" (its log server is not
needed: the API server reads the files). In `airflow.onePod` it waits for the file that the container setup leaves once
the database is migrated; in pods of their own, an init container waits for the migration.
*/}}
{{- define "nightjar.airflow.container" -}}
{{- $root := .root -}}
{{- $onePod := $root.Values.airflow.onePod -}}
{{- $arguments := list "airflow" .component -}}
{{- if and (eq .component "api-server") (include "nightjar.airflow.behindProxy" $root) -}}
{{- $arguments = append $arguments "--proxy-headers" -}}
{{- end -}}
{{- if and $onePod (has .component (list "scheduler" "triggerer")) -}}
{{- $arguments = append $arguments "--skip-serve-logs" -}}
{{- end -}}
- name: {{ .component }}
  image: {{ include "nightjar.image" (dict "root" $root "image" "airflow") }}
  imagePullPolicy: {{ $root.Values.images.pullPolicy }}
  {{- if $onePod }}
  {{- $ready := ternary "python3 /etc/nightjar/probes/wait_for_setup.py; " "" (and $root.Values.setup.enabled (eq .component "scheduler")) }}
  args: ["bash", "-c", {{ printf "until [ -e /opt/airflow/migrated ]; do sleep 1; done; %sexec %s" $ready (join " " $arguments) | quote }}]
  {{- else }}
  args: {{ $arguments | toJson }}
  {{- end }}
{{ include "nightjar.airflow.environment" (dict "root" $root) | indent 2 }}
  securityContext: {{ include "nightjar.containerSecurityContext" $root | nindent 4 }}
  resources: {{ toYaml .values.resources | nindent 4 }}
  volumeMounts: {{ include "nightjar.airflow.mounts" (dict "root" $root) | nindent 4 }}
  {{- include (printf "nightjar.airflow.probes.%s" .component) $root | nindent 2 }}
{{- end -}}

{{/*
The probes. Readiness asks for all that the UI needs; liveness only for what a new start may heal: a scheduler that is
started again loses the tasks of its workers, and a database that is away comes back without that.
*/}}
{{- define "nightjar.airflow.probes.api-server" -}}
ports:
  - name: http
    containerPort: 8080
    protocol: TCP
{{- if .Values.airflow.onePod }}
# Tasks that are stopped with it say so here that they are to be taken up again.
lifecycle:
  preStop:
    exec: {command: ["sleep", "10"]}
{{- end }}
startupProbe:
  httpGet: {path: /api/v2/version, port: http}
  periodSeconds: 5
  timeoutSeconds: 10
  failureThreshold: 120
readinessProbe:
  httpGet: {path: /api/v2/monitor/health, port: http}
  periodSeconds: 10
  timeoutSeconds: 10
  failureThreshold: 3
livenessProbe:
  httpGet: {path: /api/v2/version, port: http}
  periodSeconds: 20
  timeoutSeconds: 20
  failureThreshold: 6
{{- end -}}

{{- define "nightjar.airflow.probes.scheduler" -}}
ports:
  - name: health
    containerPort: 8974
    protocol: TCP
  {{- if not .Values.airflow.onePod }}
  - name: logs
    containerPort: 8793
    protocol: TCP
  {{- end }}
startupProbe:
  httpGet: {path: /health, port: health}
  periodSeconds: 5
  timeoutSeconds: 10
  failureThreshold: 120
livenessProbe:
  httpGet: {path: /health, port: health}
  periodSeconds: 30
  timeoutSeconds: 20
  failureThreshold: 10
{{- end -}}

{{- define "nightjar.airflow.probes.dag-processor" -}}
{{ include "nightjar.airflow.heartbeatProbes" (dict "job" "DagProcessorJob") }}
{{- end -}}

{{- define "nightjar.airflow.probes.triggerer" -}}
{{ if not .Values.airflow.onePod }}
ports:
  - name: logs
    containerPort: 8794
    protocol: TCP
{{- end }}
{{ include "nightjar.airflow.heartbeatProbes" (dict "job" "TriggererJob") }}
{{- end -}}

{{/* `airflow jobs check` costs ten seconds of computing each time; this reads the same row of the database in 0.1 s. */}}
{{- define "nightjar.airflow.heartbeatProbes" -}}
startupProbe:
  exec: {command: ["python3", "/etc/nightjar/probes/heartbeat.py", {{ .job | quote }}, "120"]}
  periodSeconds: 5
  timeoutSeconds: 10
  failureThreshold: 120
livenessProbe:
  exec: {command: ["python3", "/etc/nightjar/probes/heartbeat.py", {{ .job | quote }}, "120"]}
  periodSeconds: 60
  timeoutSeconds: 20
  failureThreshold: 5
{{- end -}}

{{/* What the pods of Airflow have in common. "component", "values". */}}
{{- define "nightjar.airflow.podCommon" -}}
{{- $root := .root -}}
{{- $component := .component -}}
{{- $airflow := $root.Values.airflow -}}
serviceAccountName: {{ include "nightjar.airflowServiceAccount" $root }}
{{- /* Only the scheduler's tasks and the triggerer's triggers make and watch pods. */}}
automountServiceAccountToken: {{ has .component (list "scheduler" "triggerer" "airflow") }}
enableServiceLinks: false
securityContext: {{ include "nightjar.podSecurityContext" $root | nindent 2 }}
terminationGracePeriodSeconds: {{ .values.terminationGracePeriodSeconds }}
{{- with $airflow.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- include "nightjar.pullSecrets" $root }}
{{- with (.values.nodeSelector | default $airflow.nodeSelector) }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with (.values.tolerations | default $airflow.tolerations) }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with $airflow.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
{{- if $airflow.topologySpread }}
topologySpreadConstraints:
  {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{ include "nightjar.selectorLabels" (dict "root" $root "component" $component) | nindent 8 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Labels and annotations of a pod's template; the checksum starts pods again when a setting has changed. */}}
{{- define "nightjar.airflow.podMetadata" -}}
{{- $root := .root -}}
labels:
{{ include "nightjar.selectorLabels" . | indent 2 }}
{{- with $root.Values.airflow.podLabels }}
{{ toYaml . | indent 2 }}
{{- end }}
annotations:
  checksum/settings: {{ printf "%s%s" (include "nightjar.airflow.settings" $root) (include "nightjar.environment" $root) | sha256sum }}
  checksum/files: {{ printf "%s%s" ($root.Files.Get "files/webserver_config.py") (printf "%s%s" ($root.Files.Get "files/heartbeat.py") ($root.Files.Get "files/wait_for_setup.py")) | sha256sum }}
{{- with $root.Values.airflow.podAnnotations }}
{{ toYaml . | indent 2 }}
{{- end }}
{{- end -}}

{{/*
Waits until the setup has migrated the database, for as long as a large one may take. The scheduler also waits for the
rest of the first setup: without images and pools each run would fail.
*/}}
{{- define "nightjar.airflow.waitForDatabase" -}}
{{- $root := .root -}}
- name: wait-for-database
  image: {{ include "nightjar.image" (dict "root" $root "image" "airflow") }}
  imagePullPolicy: {{ $root.Values.images.pullPolicy }}
  args: ["airflow", "db", "check-migrations", "--migration-wait-timeout", "1800"]
{{ include "nightjar.airflow.environment" (dict "root" $root) | indent 2 }}
  securityContext: {{ include "nightjar.containerSecurityContext" $root | nindent 4 }}
  resources: {{ toYaml $root.Values.setup.resources | nindent 4 }}
  volumeMounts: {{ include "nightjar.airflow.mounts" (dict "root" $root) | nindent 4 }}
{{- if and $root.Values.setup.enabled (eq .component "scheduler") }}
- name: wait-for-setup
  image: {{ include "nightjar.image" (dict "root" $root "image" "airflow") }}
  imagePullPolicy: {{ $root.Values.images.pullPolicy }}
  args: ["python3", "/etc/nightjar/probes/wait_for_setup.py"]
{{ include "nightjar.airflow.environment" (dict "root" $root) | indent 2 }}
  securityContext: {{ include "nightjar.containerSecurityContext" $root | nindent 4 }}
  resources: {{ toYaml $root.Values.setup.resources | nindent 4 }}
  volumeMounts: {{ include "nightjar.airflow.mounts" (dict "root" $root) | nindent 4 }}
{{- end }}
{{- end -}}
