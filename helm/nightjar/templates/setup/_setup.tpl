{{/* `nightjar setup`: pools, Variable, first login, bucket and rules. Each step can be repeated, and harms nothing that is there. */}}
{{- define "nightjar.setup.command" -}}
{{- $airflow := .Values.airflow -}}
{{- $command := list "nightjar" "setup" "--file" "/etc/nightjar/setup/setup.json" -}}
{{- if and (not $airflow.auth.trial) (or $airflow.auth.admin.existingSecret $airflow.auth.admin.user) -}}
{{- $command = concat $command (list "--admin" "/etc/nightjar/admin") -}}
{{- end -}}
{{- toJson $command -}}
{{- end -}}

{{/* All that `nightjar setup` is to do, as its file. */}}
{{- define "nightjar.setup.file" -}}
{{- $setup := .Values.setup -}}
{{- toPrettyJson (dict
  "pools" (include "nightjar.pools" . | fromYaml)
  "images" (include "nightjar.setup.images" . | fromYaml)
  "bucket" (dict
    "create" $setup.bucket.create
    "encryption" $setup.bucket.encryption
    "kms_key" $setup.bucket.kmsKey
    "block_public_access" $setup.bucket.blockPublicAccess
    "lifecycle" $setup.bucket.lifecycle
    "log_prefix" .Values.airflow.logs.prefix
    "log_days" (.Values.airflow.logs.days | int)
    "old_version_days" ($setup.bucket.oldVersionDays | int)
    "expire_days" $setup.bucket.expireDays
    "keep_days" $setup.bucket.keepDays
  )
  "rules" $setup.rules
) -}}
{{- end -}}

{{- define "nightjar.setup.volumes" -}}
- name: setup
  configMap:
    name: {{ include "nightjar.fullname" . }}-setup
{{- if and (not .Values.airflow.auth.trial) (or .Values.airflow.auth.admin.existingSecret .Values.airflow.auth.admin.user) }}
- name: admin
  secret:
    secretName: {{ .Values.airflow.auth.admin.existingSecret | default (printf "%s-airflow-admin" (include "nightjar.fullname" .)) }}
    defaultMode: 0440
{{- end }}
{{- end -}}

{{- define "nightjar.setup.mounts" -}}
- name: setup
  mountPath: /etc/nightjar/setup
  readOnly: true
{{- if and (not .Values.airflow.auth.trial) (or .Values.airflow.auth.admin.existingSecret .Values.airflow.auth.admin.user) }}
- name: admin
  mountPath: /etc/nightjar/admin
  readOnly: true
{{- end }}
{{- end -}}

{{/*
In `airflow.onePod`, where no other pod may reach the database: a container that migrates it, says so to the others by a
file, sets everything up, and then waits; its log stays readable.
*/}}
{{- define "nightjar.setup.onePodContainer" -}}
{{- $setup := include "nightjar.setup.command" . | fromJsonArray | join " " -}}
- name: setup
  image: {{ include "nightjar.image" (dict "root" . "image" "airflow") }}
  imagePullPolicy: {{ .Values.images.pullPolicy }}
  args:
    - bash
    - -c
    - |
      until airflow db migrate; do echo "the database is not ready: trying again in 5 s"; sleep 5; done
      touch /opt/airflow/migrated
      until {{ $setup }}; do
        code=$?
        if [ "$code" != 75 ]; then echo "not set up, exit code $code: see above, then delete this pod to try again"; break; fi
        sleep 10
      done
      exec sleep infinity
{{ include "nightjar.airflow.environment" (dict "root" .) | indent 2 }}
  securityContext: {{ include "nightjar.containerSecurityContext" . | nindent 4 }}
  resources: {{ toYaml .Values.setup.resources | nindent 4 }}
  volumeMounts:
    {{- include "nightjar.airflow.mounts" (dict "root" .) | nindent 4 }}
    {{- include "nightjar.setup.mounts" . | nindent 4 }}
{{- end -}}

{{- define "nightjar.setup.jobSpec" -}}
backoffLimit: 10
activeDeadlineSeconds: {{ .Values.setup.activeDeadlineSeconds }}
template:
  metadata: {{ include "nightjar.airflow.podMetadata" (dict "root" . "component" "setup") | nindent 4 }}
  spec:
    restartPolicy: OnFailure
    {{- include "nightjar.airflow.podCommon" (dict "root" . "component" "setup" "values" (dict "terminationGracePeriodSeconds" 30)) | nindent 4 }}
    initContainers:
      - name: migrate
        image: {{ include "nightjar.image" (dict "root" . "image" "airflow") }}
        imagePullPolicy: {{ .Values.images.pullPolicy }}
        args: ["airflow", "db", "migrate"]
{{ include "nightjar.airflow.environment" (dict "root" .) | indent 8 }}
        securityContext: {{ include "nightjar.containerSecurityContext" . | nindent 10 }}
        resources: {{ toYaml .Values.setup.resources | nindent 10 }}
        volumeMounts: {{ include "nightjar.airflow.mounts" (dict "root" .) | nindent 10 }}
    containers:
      - name: setup
        image: {{ include "nightjar.image" (dict "root" . "image" "airflow") }}
        imagePullPolicy: {{ .Values.images.pullPolicy }}
        args: {{ include "nightjar.setup.command" . }}
{{ include "nightjar.airflow.environment" (dict "root" .) | indent 8 }}
        securityContext: {{ include "nightjar.containerSecurityContext" . | nindent 10 }}
        resources: {{ toYaml .Values.setup.resources | nindent 10 }}
        volumeMounts:
          {{- include "nightjar.airflow.mounts" (dict "root" .) | nindent 10 }}
          {{- include "nightjar.setup.mounts" . | nindent 10 }}
    volumes:
      {{- include "nightjar.airflow.volumes" (dict "root" .) | nindent 6 }}
      {{- include "nightjar.setup.volumes" . | nindent 6 }}
{{- end -}}

{{/* The Variable `nightjar_images` that a deployment begins with: the registry, and a tag a stage. */}}
{{- define "nightjar.setup.images" -}}
registry: {{ include "nightjar.registry" . }}
{{- $tag := include "nightjar.tag" . }}
{{- range $stage := list "collect" "validate" "detect" "assess" "notify" "report" }}
{{ $stage }}: {{ get $.Values.images.stages $stage | default $tag | quote }}
{{- end }}
{{- end -}}
